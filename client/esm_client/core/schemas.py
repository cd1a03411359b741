"""The wire contract: what travels between client and server, as JSON."""

from datetime import datetime
from typing import Annotated, Any, Generic, Literal, TypeVar

from pydantic import Base64Bytes, BaseModel, ConfigDict, Field

from esm_client.core.limits import MAX_ARTIFACT_BYTES, MAX_ARTIFACT_FILES, MAX_SKETCH_BYTES
from esm_client.core.references import DIGEST_PATTERN, NAME_PATTERN
from esm_client.core.spaces import SpaceFingerprint, SpaceIdentity

Kind = Literal["classification", "regression"]
Scope = Literal["read", "write", "admin"]
Name = Annotated[str, Field(pattern=f"^{NAME_PATTERN}$")]
Digest = Annotated[str, Field(pattern=f"^{DIGEST_PATTERN}$")]
Text = Annotated[str, Field(max_length=1000)]
Count = Annotated[int, Field(ge=0, le=2**53)]
Item = TypeVar("Item")


class Contract(BaseModel):
    """Base of all requests and answers; a request with an unknown field is refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Problem(Contract):
    """Every error, as RFC 9457 problem details plus `code` and `hint`."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    code: str
    hint: str = ""
    request_id: str | None = None


class Page(Contract, Generic[Item]):
    """One page of a list; `next` is the `after` of the following page, if there is one."""

    items: list[Item]
    next: str | None = None


class ServerInfo(Contract):
    """What answers at `/v1`: proof that this is an ESM registry, and its version."""

    service: Literal["esm-registry"] = "esm-registry"
    version: str


class Identity(Contract):
    """Who a token belongs to."""

    name: str
    scope: Scope
    expires_at: datetime | None = None


class SourceTask(Contract):
    """The data set an ESM stands for, and the columns and rows that were used."""

    data_set: Annotated[str, Field(min_length=1, max_length=1000)]
    subset: Text | None = None
    text_columns: Annotated[tuple[Text, ...], Field(max_length=16)] = ()
    label_column: Text | None = None
    split: Text | None = None
    num_rows: Count | None = None
    seed: int | None = None
    language: Text | None = None
    kind: Kind | None = None
    num_labels: Count | None = None


class FitReport(Contract):
    """How well the map imitates the fine-tuned model, on rows it was not fitted on.

    Mean squared errors per embedding coordinate; an ESM above the identity's is worse than none.
    """

    solver: Literal["ridge", "sgd"]
    held_out_mse: Annotated[float, Field(ge=0, allow_inf_nan=False)]
    identity_mse: Annotated[float, Field(ge=0, allow_inf_nan=False)]
    held_out_rows: Count
    ridge_lambda: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None
    validation_metric: Annotated[float, Field(allow_inf_nan=False)] | None = None
    validation_metric_name: Text | None = None


class FileEntry(Contract):
    """One file of a version: its sha256 and size in bytes."""

    sha256: Digest
    size: Annotated[int, Field(ge=0, le=MAX_ARTIFACT_BYTES)]


class Manifest(Contract):
    """The files of a version by name; its digest (core.artifact.manifest) names the version."""

    files: Annotated[
        dict[Annotated[str, Field(max_length=100)], FileEntry],
        Field(min_length=1, max_length=MAX_ARTIFACT_FILES),
    ]


class EsmVersionCreate(Contract):
    """The commit request of a push: everything but the file contents, which went before."""

    manifest: Manifest
    space: Name | None = None
    """The space's name; needed when the artifact does not describe its space."""
    fingerprint: SpaceFingerprint | None = None
    card: str = ""
    provenance: dict[str, Any] = {}


class EsmVersion(Contract):
    """One immutable version."""

    reference: str
    namespace: Name
    name: Name
    version: Annotated[int, Field(ge=1)]
    digest: Digest
    space: str
    architecture: str
    dimension: int
    task: SourceTask
    fit: FitReport | None
    manifest: Manifest
    created_at: datetime
    created_by: str


class EsmVersionDetail(EsmVersion):
    """A version with its card and provenance (timings, device, dates: outside the digest)."""

    card: str
    provenance: dict[str, Any]


class Esm(Contract):
    """A named ESM with its latest version."""

    namespace: str
    name: str
    num_versions: int
    latest: EsmVersion


class Space(Contract):
    """An embedding space of the registry."""

    name: str
    identity: SpaceIdentity
    num_esms: int
    weight_digests: list[Digest]
    tokenizer_digests: list[Digest]
    created_at: datetime


class SpaceDetail(Space):
    """A space with the canary embeddings that decide who belongs to it."""

    canaries: list[list[float]]


class RankingCreate(Contract):
    """A ranking request: the target sketch, never its texts."""

    space: Name
    sketch: Annotated[Base64Bytes, Field(max_length=MAX_SKETCH_BYTES)]
    fingerprint: SpaceFingerprint | None = None
    """None when the embeddings were made elsewhere; the ranking then says `unverified`."""
    intercept: bool = True


class RankedEsm(Contract):
    """One row of a ranking. Scores compare only within one ranking."""

    rank: int
    reference: str
    digest: Digest
    task: SourceTask
    score: float
    """Mean over label columns of the log maximum evidence, per row."""
    gain: float
    """Score minus the identity map's: what this source is worth over no fine-tuning."""
    log_bayes_factor: float
    """In nats, against the best row: zero for the best, negative below it."""
    tied: bool
    """Whether the difference to the best is too small to mean anything."""


class SkippedEsm(Contract):
    """An ESM of the pool that could not be scored, and why."""

    reference: str
    digest: Digest
    code: str
    reason: str


class RankingReceipt(Contract):
    """A stored ranking: everything about it but the sketch, which is discarded."""

    id: str
    space: str
    space_verified: bool
    created_at: datetime
    created_by: str
    score_name: str
    score_version: int
    intercept: bool
    kind: Kind
    num_rows: int
    num_label_columns: int
    label_map_digest: str
    identity_score: float
    pool_generation: int
    pool_size: int
    rows: list[RankedEsm]
    skipped: list[SkippedEsm]
    seconds: float
