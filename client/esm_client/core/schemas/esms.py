"""ESMs and their versions."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import Field

from esm_client.core.document import Entries, Items
from esm_client.core.limits import MAX_ARTIFACT_BYTES, MAX_ARTIFACT_FILES
from esm_client.core.schemas.contract import AliasName, Contract, Digest, Name, Reason, Text
from esm_client.core.schemas.source_models import SourceModel
from esm_client.core.schemas.tasks import FitReport, Source, SourceTask
from esm_client.core.spaces import SpaceFingerprint

Tag = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,49}$")]
Tags = Annotated[tuple[Tag, ...], Items(32)]
VersionNumber = Annotated[int, Field(ge=1, lt=10**9)]


class FileEntry(Contract):
    """One file of a version: its sha256 and size in bytes."""

    sha256: Digest
    size: Annotated[int, Field(ge=0, le=MAX_ARTIFACT_BYTES)]


class Manifest(Contract):
    """The files of a version by name; its digest (core.artifact.manifest) names the version."""

    files: Annotated[
        dict[Annotated[str, Field(max_length=100)], FileEntry],
        Entries(MAX_ARTIFACT_FILES, least=1),
    ]


class EsmVersionCreate(Contract):
    """The commit request of a push: everything but the file contents, which went before."""

    manifest: Manifest
    space: Name | None = None
    """The space's name; needed when the artifact does not describe its space."""
    fingerprint: SpaceFingerprint | None = None
    card: str = ""
    provenance: dict[str, Any] = Field(default_factory=dict[str, Any])
    source: Source = Source()
    force: bool = False
    """Publish in spite of a finding, where the server's policy lets one; it is recorded."""


class Finding(Contract):
    """What the admission of a version found wrong, and what the server's policy made of it."""

    check: str
    message: str
    forced: bool = False
    """Whether it would have been refused, had the push not been forced."""


class Yank(Contract):
    """A version taken out of the way: in no ranking, `latest` nor alias; by digest still there."""

    reason: str
    at: datetime
    by: str


class YankCreate(Contract):
    """Why a version is taken out of the way."""

    reason: Reason


class EsmVersion(Contract):
    """One immutable version; card, source and yank are kept beside it."""

    reference: str
    namespace: Name
    name: Name
    version: Annotated[int, Field(ge=1)]
    digest: Digest
    space: str
    architecture: str
    dimension: int
    task: SourceTask
    source: Source = Source()
    source_model: SourceModel | None = None
    """The source model that is stored here, if one is."""
    fit: FitReport | None
    manifest: Manifest
    aliases: tuple[str, ...] = ()
    yank: Yank | None = None
    findings: tuple[Finding, ...] = ()
    created_at: datetime
    created_by: str


class EsmVersionDetail(EsmVersion):
    """A version with its card and provenance (timings, device, dates: outside the digest)."""

    card: str
    provenance: dict[str, Any]


class EsmVersionUpdate(Contract):
    """Fields to change; what is left out stays. No new version: neither is in the digest."""

    card: str | None = None
    source: Source | None = None


class CardRevision(Contract):
    """A card as it was until somebody replaced it."""

    card: str
    replaced_at: datetime
    replaced_by: str


class Esm(Contract):
    """A named ESM with its latest version: the newest that is not yanked, if there is one."""

    namespace: str
    name: str
    description: str = ""
    tags: tuple[str, ...] = ()
    superseded_by: str | None = None
    """The ESM to use instead, `namespace/name`; a superseded one is left out of rankings."""
    num_versions: int
    latest: EsmVersion


class EsmUpdate(Contract):
    """Fields to change; what is left out stays. `superseded_by` "" takes the mark away."""

    description: Text | None = None
    tags: Tags | None = None
    superseded_by: Annotated[str, Field(max_length=200)] | None = None


class AliasUpdate(Contract):
    """Where an alias shall point."""

    version: VersionNumber
    protected: bool | None = None
    """Whether only maintainers may move it; None leaves it as it is."""
    expected: Annotated[int, Field(ge=0)] | None = None
    """The version it points to now, 0 for none; when it does not, nothing is changed."""


class Alias(Contract):
    """A movable name of a version: `namespace/name@alias`."""

    name: AliasName
    version: int
    digest: Digest
    protected: bool
    moved_at: datetime
    moved_by: str


class AliasMove(Contract):
    """One step of an alias's history; None where it did not exist before or after."""

    from_version: int | None
    to_version: int | None
    at: datetime
    by: str
