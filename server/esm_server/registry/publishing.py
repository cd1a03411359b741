"""Publishing a version: everything is checked before anything becomes visible."""

from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from pydantic_core import to_json
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session

from esm_client.core.artifact.directory import EsmArtifact, check_file_names
from esm_client.core.artifact.manifest import digest_file, manifest_digest
from esm_client.core.errors import Conflict, InvalidArtifact, InvalidInput, NotFound, TooLarge
from esm_client.core.limits import MAX_ARTIFACT_BYTES, MAX_CARD_BYTES, MAX_PROVENANCE_BYTES
from esm_client.core.schemas import EsmVersionCreate, EsmVersionDetail, Manifest
from esm_client.core.spaces import SpaceFingerprint
from esm_server.db import EsmVersionRow, SpaceRow
from esm_server.db.database import Database
from esm_server.registry.answers import as_version_detail
from esm_server.registry.repository import EsmRepository, VersionRecord
from esm_server.registry.service import check_path
from esm_server.spaces.admission import admit, claimed_fingerprint
from esm_server.spaces.service import require_id
from esm_server.storage.base import BlobStore

ATTEMPTS = 5
"""How often a publish is tried when another one takes the same version number or space name."""


@dataclass(frozen=True, slots=True)
class Published:
    """The version, and whether this request made it."""

    version: EsmVersionDetail
    is_new: bool


class PublishService:
    """Turning uploaded blobs into versions."""

    def __init__(self, database: Database, store: BlobStore) -> None:
        self._database = database
        self._store = store

    def publish(
        self, namespace: str, name: str, request: EsmVersionCreate, created_by: str
    ) -> Published:
        """Validate and store a version; the same content again is the same version.

        Raises InvalidName, InvalidArtifact, UnsafeFile, NotFound, TooLarge, Conflict,
        SpaceMismatch, DimensionMismatch.
        """
        check_path(namespace, name)
        _check_sizes(request)
        artifact = self._read_artifact(request.manifest)
        fingerprint = claimed_fingerprint(artifact, request.fingerprint)
        draft = _Draft(namespace, name, request, artifact, fingerprint, created_by)
        for _ in range(ATTEMPTS - 1):
            try:
                return self._store_version(draft)
            except IntegrityError:  # somebody was faster: look again at what is there now
                continue
        return self._store_version(draft)

    def _read_artifact(self, manifest: Manifest) -> EsmArtifact:
        for filename, entry in manifest.files.items():
            size = self._store.size(entry.sha256)
            if size is None:
                raise NotFound(
                    f"The blob of {filename} ({entry.sha256}) is not on the server.",
                    "Upload every file before the version: push again.",
                )
            if size != entry.size:
                raise InvalidArtifact(
                    f"{filename} has {size} bytes, the manifest says {entry.size}.",
                    "Make the manifest again from the files.",
                )
        with ExitStack() as stack:
            paths = {
                filename: stack.enter_context(self._store.local_copy(entry.sha256))
                for filename, entry in manifest.files.items()
            }
            for filename, path in paths.items():
                digest = manifest.files[filename].sha256
                if digest_file(path) != digest:  # the disk lost it since; the next push mends it
                    self._store.remove(digest)
                    raise NotFound(
                        f"The blob of {filename} ({digest}) was damaged on the server's disk.",
                        "It was removed there: push again.",
                    )
            return EsmArtifact.from_files(paths)

    def _store_version(self, draft: "_Draft") -> Published:
        with self._database.write() as session:
            space = admit(
                session, draft.request.space, draft.artifact, draft.fingerprint, draft.created_by
            )
            esms = EsmRepository(session)
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
            record = esms.by_digest(draft.namespace, draft.name, digest)
            is_new = record is None
            if record is None:
                version = draft.row(esm.id or 0, esm.num_versions + 1, digest)
                esms.add_version(esm, version, draft.request.manifest)
                _count_publish(session, space)
                record = (esm, version, space)
            return Published(_detail(esms, record), is_new)


@dataclass(frozen=True, slots=True)
class _Draft:
    """A checked version that has no number yet."""

    namespace: str
    name: str
    request: EsmVersionCreate
    artifact: EsmArtifact
    fingerprint: SpaceFingerprint | None
    created_by: str

    def row(self, esm_id: int, number: int, digest: str) -> EsmVersionRow:
        config = self.artifact.config
        return EsmVersionRow(
            esm_id=esm_id,
            version=number,
            digest=digest,
            architecture=config.architecture,
            dimension=config.dimension,
            task=config.task.model_dump(mode="json"),
            fit=config.fit.model_dump(mode="json") if config.fit else None,
            card=self.request.card,
            provenance=self.request.provenance,
            created_by=self.created_by,
        )


def _count_publish(session: Session, space: SpaceRow) -> None:
    space.generation += 1
    session.add(space)
    session.flush()


def _detail(esms: EsmRepository, record: VersionRecord) -> EsmVersionDetail:
    return as_version_detail(record, esms.files([record[1].id]))


def _check_sizes(request: EsmVersionCreate) -> None:
    check_file_names(request.manifest.files)
    sizes = (
        ("The files", sum(f.size for f in request.manifest.files.values()), MAX_ARTIFACT_BYTES),
        ("The card", len(request.card.encode()), MAX_CARD_BYTES),
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
