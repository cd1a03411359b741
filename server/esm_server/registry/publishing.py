"""Publishing a version: everything is checked before anything becomes visible."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from pydantic_core import to_json
from sqlmodel import Session

from esm_client.core.artifact.directory import MODEL, EsmArtifact, check_file_names
from esm_client.core.artifact.manifest import manifest_digest
from esm_client.core.errors import (
    Conflict,
    EsmError,
    InvalidInput,
    NotFound,
    TooLarge,
)
from esm_client.core.limits import MAX_ARTIFACT_BYTES, MAX_PROVENANCE_BYTES
from esm_client.core.schemas import EsmVersionCreate, EsmVersionDetail
from esm_client.core.spaces import SpaceFingerprint
from esm_server.admission.checks import near_duplicate, problems_of
from esm_server.admission.duplicates import Duplicates
from esm_server.admission.policy import AdmissionPolicy
from esm_server.admission.repository import MapSignatureRepository
from esm_server.admission.signature import Signature, signature_of
from esm_server.audit.record import record
from esm_server.auth.caller import Caller
from esm_server.db import EsmVersionRow, NamespaceRow
from esm_server.db.database import Database
from esm_server.namespaces.permissions import check_publisher, check_quota, create_namespace
from esm_server.possession.repository import UploadRepository
from esm_server.possession.service import Possession
from esm_server.registry.answers import as_version_detail
from esm_server.registry.facts import refresh
from esm_server.registry.repository import EsmRepository
from esm_server.registry.service import check_card, check_path
from esm_server.registry.stored_files import read_artifact, stored_sizes
from esm_server.shield.repository import SourceSketchRepository
from esm_server.similar.repository import VectorRepository
from esm_server.spaces.admission import admit, claimed_fingerprint
from esm_server.spaces.repository import SpaceRepository
from esm_server.spaces.service import require_id
from esm_server.storage.base import BlobStore
from esm_server.telemetry.metrics import Metrics

TakeIn = Callable[[int, Iterable[str]], None]
"""Puts the maps of a space, by the digests of their files, at the engine's hand."""


@dataclass(frozen=True, slots=True)
class Published:
    """The version, and whether this request made it."""

    version: EsmVersionDetail
    is_new: bool


class PublishService:
    """Turning uploaded blobs into versions."""

    def __init__(
        self,
        database: Database,
        store: BlobStore,
        possession: Possession,
        policy: AdmissionPolicy,
        take_in: TakeIn,
        metrics: Metrics,
        *,
        open_namespaces: bool,
    ) -> None:
        self._database = database
        self._store = store
        self._possession = possession
        self._policy = policy
        self._take_in = take_in
        self._metrics = metrics
        self._open_namespaces = open_namespaces
        self._duplicates = Duplicates()

    def publish(
        self, namespace: str, name: str, request: EsmVersionCreate, caller: Caller
    ) -> Published:
        """Validate and store a version; the same content again is the same version.

        Raises InvalidName, InvalidArtifact, UnsafeFile, NotFound, Forbidden, TooLarge,
        QuotaExceeded, Conflict, SpaceMismatch, DimensionMismatch, NotAdmitted.
        """
        try:
            published = self._publish(namespace, name, request, caller)
        except EsmError:
            self._metrics.count_push("refused")
            raise
        self._metrics.count_push("new" if published.is_new else "known")
        return published

    def _publish(
        self, namespace: str, name: str, request: EsmVersionCreate, caller: Caller
    ) -> Published:
        check_path(namespace, name)
        with self._database.read() as session:
            check_publisher(session, caller, namespace, may_create=self._open_namespaces)
        _check_sizes(request)
        try:
            held = self._possession.held(caller, namespace, _digests(request))
            artifact = read_artifact(self._database, self._store, request.manifest, held)
        except FileNotFoundError as cause:  # swept while it was read
            raise NotFound(
                "A file of this version is not on the server any more.", "It was swept: push again."
            ) from cause
        fingerprint = claimed_fingerprint(artifact, request.fingerprint)
        draft = _Draft(namespace, name, request, artifact, fingerprint, caller)
        published, space_id = self._store_version(draft)
        if published.is_new:
            self._take_in(space_id, [request.manifest.files[MODEL].sha256])
        return published

    def _store_version(self, draft: "_Draft") -> tuple[Published, int]:
        """The version, and the id of its space."""
        with self._database.write() as session:
            owner = self._namespace(session, draft)
            # Since they were read, a sweep of blobs that nothing names may have come, or a day may
            # have gone by. From the statement above on a sweep waits for us, and then finds them
            # named: see operations.gc.
            held = UploadRepository(session).held(
                draft.caller.user_id, draft.namespace, _digests(draft.request)
            )
            stored_sizes(self._store, draft.request.manifest, held)
            space = admit(
                session, draft.request.space, draft.artifact, draft.fingerprint, draft.caller
            )
            esms = EsmRepository(session, draft.caller)
            digest = manifest_digest(draft.request.manifest)
            esm = esms.find(draft.namespace, draft.name)
            if esm is None:
                esm = esms.add_esm(draft.namespace, draft.name, require_id(space))
            elif esm.space_id != space.id:
                raise Conflict(
                    f"{draft.namespace}/{draft.name} belongs to another embedding space than "
                    f"{space.name!r}.",
                    "Push it under another name.",
                )
            found = esms.by_digest(draft.namespace, draft.name, digest)
            if found is not None:
                detail = as_version_detail(found, esms.parts([found]))
                return Published(detail, is_new=False), require_id(space)
            check_quota(session, owner, num_bytes=draft.size, versions=1)
            version = draft.row(esm.id or 0, esm.last_number + 1, digest)
            self._judge(session, draft, version, require_id(space))
            version_id = esms.add_version(esm, version, draft.request.manifest)
            if (sketches := draft.artifact.source_sketches) is not None:
                SourceSketchRepository(session).add(version_id, sketches)
            MapSignatureRepository(session).add(version_id, require_id(space), draft.signature)
            if (texts := draft.artifact.summary.get("text_embedding")) is not None:
                VectorRepository(session).add_text(version_id, require_id(space), texts)
            refresh(esms, esm)
            SpaceRepository(session).count_change(require_id(space))
            _record(session, draft, version)
            stored = (esm, version, space)
            detail = as_version_detail(stored, esms.parts([stored]))
            return Published(detail, is_new=True), require_id(space)

    def _judge(
        self, session: Session, draft: "_Draft", version: EsmVersionRow, space_id: int
    ) -> None:
        """Note in the version what the admission found; raises NotAdmitted."""
        problems = problems_of(draft.artifact, draft.fingerprint)
        near = self._duplicates.nearest(
            session, space_id, draft.signature, draft.namespace, version.esm_id
        )
        if near is not None:
            version.near_duplicate_of = near[0]
            problems.append(near_duplicate(*near))
        found = self._policy.judge(problems, force=draft.request.force)
        version.findings = [finding.model_dump(mode="json") for finding in found]

    def _namespace(self, session: Session, draft: "_Draft") -> NamespaceRow:
        """The namespace, created by whoever publishes into a new one first."""
        may_create = self._open_namespaces
        known = check_publisher(session, draft.caller, draft.namespace, may_create=may_create)
        return known or create_namespace(session, draft.caller, draft.namespace)


@dataclass(frozen=True)
class _Draft:
    """A checked version that has no number yet."""

    namespace: str
    name: str
    request: EsmVersionCreate
    artifact: EsmArtifact
    fingerprint: SpaceFingerprint | None
    caller: Caller

    @cached_property
    def signature(self) -> Signature:
        """What its map is compared with others by."""
        return signature_of(self.artifact.map)

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(file.size for file in self.request.manifest.files.values())

    def row(self, esm_id: int, number: int, digest: str) -> EsmVersionRow:
        config = self.artifact.config
        return EsmVersionRow(
            esm_id=esm_id,
            version=number,
            digest=digest,
            size=self.size,
            architecture=config.architecture,
            dimension=config.dimension,
            task=config.task.model_dump(mode="json"),
            source=self.request.source.model_dump(mode="json"),
            fit=config.fit.model_dump(mode="json") if config.fit else None,
            card=self.request.card,
            provenance=self.request.provenance,
            findings=[],
            created_by=self.caller.name,
        )


def _record(session: Session, draft: _Draft, version: EsmVersionRow) -> None:
    forced = [finding["check"] for finding in version.findings if finding["forced"]]
    record(
        session,
        draft.caller,
        "esm.publish",
        f"{draft.namespace}/{draft.name}@{version.version}",
        namespace=draft.namespace,
        digest=version.digest,
        detail={"forced": forced} if forced else {},
    )


def _digests(request: EsmVersionCreate) -> set[str]:
    return {file.sha256 for file in request.manifest.files.values()}


def _check_sizes(request: EsmVersionCreate) -> None:
    check_file_names(request.manifest.files)
    check_card(request.card)
    sizes = (
        ("The files", sum(f.size for f in request.manifest.files.values()), MAX_ARTIFACT_BYTES),
        ("The provenance", _json_size(request.provenance), MAX_PROVENANCE_BYTES),
    )
    for what, size, limit in sizes:
        if size > limit:
            raise TooLarge(f"{what} of an ESM may take {limit} bytes, not {size}.", "Shorten it.")


def _json_size(provenance: dict[str, Any]) -> int:
    # The same writer that answers: what it cannot write must not be stored.
    try:
        return len(to_json(provenance))
    except ValueError as cause:
        raise InvalidInput(
            "The provenance cannot be written as JSON.", "Nest it less deeply."
        ) from cause
