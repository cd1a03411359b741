"""Source models stored beside versions: attaching and removing them."""

from collections.abc import Collection
from functools import partial

from sqlmodel import Session

from esm_client.core.artifact.manifest import digest_bytes
from esm_client.core.artifact.source_model import check_source_model, check_source_model_file
from esm_client.core.errors import Conflict, InvalidArtifact, NotFound, TooLarge
from esm_client.core.schemas import EsmVersionDetail, SourceModelCreate, SourceModelFile
from esm_server.artifacts.repository import SourceModelRepository
from esm_server.audit.record import record
from esm_server.auth.caller import Caller
from esm_server.db import SourceModelRow
from esm_server.db.database import Database
from esm_server.namespaces.permissions import check_quota, require_role
from esm_server.possession.repository import MODEL_FILES, UploadRepository
from esm_server.possession.service import Possession
from esm_server.registry.answers import as_version_detail
from esm_server.registry.repository import EsmRepository, VersionRecord
from esm_server.registry.service import find_version
from esm_server.storage.base import BlobStore


class SourceModelService:
    """Source models of one registry."""

    def __init__(
        self, database: Database, store: BlobStore, possession: Possession, max_bytes: int
    ) -> None:
        self._database = database
        self._store = store
        self._possession = possession
        self._max_bytes = max_bytes

    def attach(
        self, caller: Caller, namespace: str, name: str, selector: str, request: SourceModelCreate
    ) -> EsmVersionDetail:
        """Give a version its source model, whose files were uploaded; the same again is no error.

        Raises NotFound, InvalidName, InvalidArtifact, UnsafeModel, Forbidden, TooLarge,
        QuotaExceeded, Yanked, and Conflict for a version that has another one.
        """
        check_source_model(request.files)
        digests = {file.sha256 for file in request.files.values()}
        with self._database.read() as session:
            find_version(EsmRepository(session, caller), namespace, name, selector)
            require_role(session, caller, namespace, "writer")
        size = self._check(request, self._possession.held(caller, namespace, digests))
        digest = source_model_digest(request)
        with self._database.write() as session:
            esms = EsmRepository(session, caller)
            found = find_version(esms, namespace, name, selector)
            owner = require_role(session, caller, namespace, "writer")
            models = SourceModelRepository(session)
            known = models.find(found[1].id)
            if known is None:
                check_quota(session, owner, num_bytes=size, versions=0)
                held = UploadRepository(session).held(caller.user_id, namespace, digests)
                for filename, file in request.files.items():
                    self._stored_size(filename, file, held)  # once more: see operations.gc
                model = SourceModelRow(
                    version_id=found[1].id or 0, digest=digest, size=size, created_by=caller.name
                )
                models.add(model, request, namespace)
                _record(session, caller, "source-model.attach", found, digest)
            elif known.digest != digest:
                raise Conflict(
                    f"{namespace}/{name}@{found[1].version} has another source model already.",
                    "An admin can remove it first; or push a new version.",
                )
            return as_version_detail(found, esms.parts([found]))

    def remove(self, caller: Caller, namespace: str, name: str, selector: str) -> None:
        """Take a version's source model away; raises NotFound, InvalidName, Forbidden, Yanked."""
        with self._database.write() as session:
            esms = EsmRepository(session, caller)
            found = find_version(esms, namespace, name, selector)
            require_role(session, caller, namespace, "admin")
            models = SourceModelRepository(session)
            known = models.find(found[1].id)
            if known is None:
                raise NotFound(
                    f"{namespace}/{name}@{found[1].version} has no source model.",
                    "There is nothing to remove.",
                )
            UploadRepository(session).forget(MODEL_FILES, known.version_id)
            models.remove(known)
            _record(session, caller, "source-model.remove", found, known.digest)

    def _check(self, request: SourceModelCreate, held: Collection[str]) -> int:
        """The bytes of all files, each of which must be among those `held`, whole and safe."""
        size = sum(file.size for file in request.files.values())
        if size > self._max_bytes:
            raise TooLarge(
                f"The source model has {size} bytes; the server takes {self._max_bytes}.",
                "Store it in half precision.",
            )
        for name, file in request.files.items():
            stored = self._stored_size(name, file, held)
            if stored != file.size:
                raise InvalidArtifact(
                    f"{name} has {stored} bytes, not {file.size}.", "List the files again."
                )
            check_source_model_file(name, stored, partial(self._read, file.sha256))
        return size

    def _read(self, digest: str, start: int, stop: int) -> bytes:
        return b"".join(self._store.read(digest, start, stop))

    def _stored_size(self, name: str, file: SourceModelFile, held: Collection[str]) -> int:
        size = self._store.size(file.sha256) if file.sha256 in held else None
        if size is None:
            raise NotFound(
                f"The blob of {name} ({file.sha256}) is not on the server.",
                "Upload every file first: push the source model again.",
            )
        return size


def source_model_digest(request: SourceModelCreate) -> str:
    """The digest that names these files, whatever their order."""
    lines = (f"{name} {file.sha256}\n" for name, file in sorted(request.files.items()))
    return digest_bytes("".join(lines).encode())


def _record(
    session: Session, caller: Caller, action: str, found: VersionRecord, digest: str
) -> None:
    esm, version, _ = found
    record(
        session,
        caller,
        action,
        f"{esm.namespace}/{esm.name}@{version.version}",
        namespace=esm.namespace,
        digest=version.digest,
        detail={"source_model": digest},
    )
