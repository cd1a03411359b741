"""Receiving blobs and finding the files of versions."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from esm_client.core.disk import disk_errors
from esm_client.core.errors import EsmError, NotFound, TooLarge, TruncatedUpload, Unavailable
from esm_client.core.references import check_digest
from esm_server.artifacts.settled import settled
from esm_server.auth.caller import Caller
from esm_server.auth.service import AuthService
from esm_server.db.database import Database
from esm_server.namespaces.permissions import check_publisher, over_quota
from esm_server.namespaces.repository import NamespaceRepository
from esm_server.possession.service import Possession, sender_of
from esm_server.registry.answers import as_source_model
from esm_server.registry.repository import EsmRepository
from esm_server.registry.service import find_version
from esm_server.storage.base import BlobStore, BlobWriter
from esm_server.storage.direct import DirectAccess, SignedPut

BUFFER_BYTES = 2**17
"""Of an upload, in memory; what stops half-way holds as much, for as long as it is waited for."""
RECORD_SECONDS = 60.0
"""How long a finished upload, which clients would not repeat, waits for a busy database."""
Write = Callable[[bytes], object]


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file of a version, ready to be read."""

    digest: str
    size: int
    store: BlobStore
    direct: DirectAccess | None = None

    @property
    def url(self) -> str | None:
        """Where it can be fetched without this server, for a short while; None if nowhere."""
        return self.direct.download_url(self.digest) if self.direct else None

    @property
    def etag(self) -> str:
        """Names the bytes to caches."""
        return f'"{self.digest}"'

    def read(self, start: int, stop: int) -> Iterator[bytes]:
        """Bytes from `start` up to `stop`."""
        return self.store.read(self.digest, start, stop)


@dataclass(frozen=True, slots=True)
class UploadLimits:
    """What may be uploaded: the largest file, and whether a namespace need not exist yet."""

    max_blob_bytes: int
    max_source_model_bytes: int
    max_pack_bytes: int
    open_namespaces: bool


@dataclass(frozen=True, slots=True)
class Upload:
    """What arrives: bytes from `offset` on of `total`, which is None where nobody said it.

    A resumable one may stop anywhere and go on later; files of source models come so.
    """

    chunks: AsyncIterator[bytes]
    total: int | None = None
    offset: int = 0
    resumable: bool = False


@dataclass(frozen=True, slots=True)
class _Room:
    """How much may still be uploaded: by file, and by namespace where it has a quota."""

    namespace: str
    max_blob_bytes: int
    quota: int | None = None
    used: int = 0

    def check(self, size: int) -> None:
        """Raise TooLarge or QuotaExceeded for a file of `size` bytes or more."""
        if size > self.max_blob_bytes:
            raise TooLarge(
                f"The file has {size} bytes or more; the server takes {self.max_blob_bytes}.",
                "Store the map in half precision.",
            )
        if self.quota is not None and self.used + size > self.quota:
            raise over_quota(self.namespace, self.quota, self.used + size, "bytes")


class ArtifactService:
    """Blobs of one registry."""

    def __init__(
        self,
        database: Database,
        store: BlobStore,
        auth: AuthService,
        limits: UploadLimits,
        possession: Possession,
        direct: DirectAccess | None = None,
    ) -> None:
        self._database = database
        self._store = store
        self._auth = auth
        self._limits = limits
        self._possession = possession
        self._direct = direct

    @property
    def spool(self) -> Path:
        """Where packs wait to be published."""
        return self._store.spool

    def blob_size(self, caller: Caller, namespace: str, digest: str) -> int:
        """The size of a file that the caller may name; raises as for one that is not there.

        Of what they sent to the bucket too, which stays there: to look is cheap. Raises
        InvalidName, NotFound, Forbidden.
        """
        self._room(caller, namespace)
        known = self._possession.known(caller, namespace, [check_digest(digest)])
        size = self._store.size(digest) if known else None
        if size is None and (sent := self._possession.sent(caller, namespace, digest)):
            size = sent.size
        if size is None:
            raise NotFound(f"The blob {digest} is not stored.", "Upload it with PUT.")
        return size

    def blob_kept(self, caller: Caller, namespace: str, digest: str) -> int:
        """Bytes that an interrupted upload of the caller into this namespace has left."""
        return self._store.kept(digest, sender_of(caller, namespace))

    @property
    def direct_endpoint(self) -> str | None:
        """Where clients can reach the bytes themselves, if they can."""
        return self._direct.endpoint if self._direct else None

    def direct_upload(
        self, caller: Caller, namespace: str, digest: str, size: int, *, source_model: bool
    ) -> SignedPut | None:
        """How the caller can send a blob to the store itself; None where it cannot.

        Raises InvalidName, Forbidden, NotFound, TooLarge, QuotaExceeded; who may upload and how
        much is looked at again when a version names the blob.
        """
        self._room(caller, namespace, source_model).check(size)
        check_digest(digest)
        if self._direct is None:
            return None
        return self._direct.upload(sender_of(caller, namespace), digest, size)

    async def receive(self, caller: Caller, namespace: str, digest: str, upload: Upload) -> bool:
        """Store an upload while it arrives; whether the blob is new to who sent it.

        On error nothing of it stays, unless it is resumable and the connection broke. The token
        and the namespace's quota are looked at before the first byte and after the last, so that
        what changed meanwhile counts.
        Raises InvalidName, Forbidden, NotFound, TooLarge, QuotaExceeded, TruncatedUpload,
        DigestMismatch, Conflict, StorageFull, and Unauthorized for a token revoked meanwhile.
        """
        check_digest(digest)
        room = await asyncio.to_thread(self._room, caller, namespace, upload.resumable)
        room.check(upload.total or 0)
        owner = sender_of(caller, namespace) if upload.resumable else None
        begun: list[BlobWriter] = []  # also when the request is cancelled while it begins

        def begin() -> BlobWriter:
            begun.append(self._store.begin(digest, owner, upload.offset))
            return begun[0]

        def finish() -> bool:
            begun[0].verify()
            known = self._possession.known(caller, namespace, [digest])
            # before it is used up: until then a busy database costs time alone
            patience = RECORD_SECONDS if upload.resumable else 0.0
            self._possession.record(caller, namespace, [digest], patience=patience)
            return begun[0].commit() or not known  # that others have it too is not told

        try:
            writer = await settled(begin)
            size = await self._copy(upload, writer.write, room)
            await asyncio.to_thread(self._auth.recheck, caller)
            last = await asyncio.to_thread(self._room, caller, namespace, upload.resumable)
            last.check(size)
            return await settled(finish)
        except BaseException as error:
            if begun and isinstance(error, EsmError):
                error.headers = {}  # no Retry-After: the same request would not go on from here
            broke = isinstance(error, TruncatedUpload | asyncio.CancelledError)
            for writer in begun:
                await settled(writer.keep if broke and upload.resumable else writer.abort)
            raise

    async def receive_pack(
        self, caller: Caller, namespace: str, upload: Upload, file: Path
    ) -> None:
        """Write a pack into a file while it arrives.

        Raises InvalidName, Forbidden, NotFound, TooLarge, QuotaExceeded, TruncatedUpload,
        StorageFull.
        """
        room = await asyncio.to_thread(self._room, caller, namespace)
        room = replace(room, max_blob_bytes=self._limits.max_pack_bytes)
        room.check(upload.total or 0)
        with disk_errors(file, "Tell the server's operator."), file.open("wb") as target:
            await self._copy(upload, target.write, room)
        await asyncio.to_thread(self._auth.recheck, caller)

    async def _copy(self, upload: Upload, write: Write, room: "_Room") -> int:
        # One hop to a thread per buffer, not per network packet.
        size, buffer = upload.offset, bytearray()
        try:
            async for chunk in upload.chunks:
                size += len(chunk)
                room.check(size)
                buffer += chunk
                if len(buffer) >= BUFFER_BYTES:
                    await settled(write, bytes(buffer))
                    buffer.clear()
        except TruncatedUpload:
            await settled(write, bytes(buffer))
            raise
        await settled(write, bytes(buffer))
        if upload.total is not None and size < upload.total:
            raise TruncatedUpload(
                f"{upload.total} bytes were announced, {size} arrived.", "Push again."
            )
        return size

    def _room(self, caller: Caller, namespace: str, resumable: bool = False) -> "_Room":
        """How much the caller may upload for a namespace, which a publish may create later."""
        with self._database.read() as session:
            row = check_publisher(
                session, caller, namespace, may_create=self._limits.open_namespaces
            )
            limits = self._limits
            largest = limits.max_source_model_bytes if resumable else limits.max_blob_bytes
            if row is None or row.quota_bytes is None:
                return _Room(namespace, largest)
            used = NamespaceRepository(session).usage(namespace).num_bytes
        return _Room(namespace, largest, row.quota_bytes, used)

    def find_file(
        self, caller: Caller, namespace: str, name: str, selector: str, filename: str
    ) -> StoredFile:
        """A file of a version; raises NotFound, InvalidName, Unavailable if its blob is lost."""
        with self._database.read() as session:
            esms = EsmRepository(session, caller)
            _, version, _ = find_version(esms, namespace, name, selector)
            files = {file.name: file for file in esms.files([version.id])}
        return self.stored(filename, {f.name: (f.digest, f.size) for f in files.values()})

    def find_source_model_file(
        self, caller: Caller, namespace: str, name: str, selector: str, filename: str
    ) -> StoredFile:
        """A file of a version's source model; raises as `find_file` does."""
        with self._database.read() as session:
            esms = EsmRepository(session, caller)
            record = find_version(esms, namespace, name, selector)
            model = as_source_model(record[1].id, esms.parts([record]))
        files = {} if model is None else model.files
        return self.stored(filename, {n: (f.sha256, f.size) for n, f in files.items()})

    def stored(self, filename: str, files: Mapping[str, tuple[str, int]]) -> StoredFile:
        """One of some files, given by name as digest and size; raises NotFound, Unavailable."""
        if filename not in files:
            raise NotFound(
                f"There is no file {filename[:100]!r} here.",
                f"There are: {', '.join(files) or 'none; no source model is stored'}.",
            )
        digest, size = files[filename]
        if self._store.size(digest) != size:
            raise Unavailable(
                f"The bytes of {filename} ({digest}) are missing from the server's store.",
                "Tell the server's operator; pushing the same content again restores them.",
            )
        return StoredFile(digest, size, self._store, self._direct)
