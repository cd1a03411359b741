"""Receiving blobs and finding the files of versions."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass

from esm_client.core.errors import NotFound, TooLarge, TruncatedUpload, Unavailable
from esm_client.core.references import check_digest
from esm_server.auth.caller import Caller
from esm_server.auth.service import AuthService
from esm_server.db.database import Database
from esm_server.namespaces.permissions import check_publisher, over_quota
from esm_server.namespaces.repository import NamespaceRepository
from esm_server.registry.repository import EsmRepository
from esm_server.registry.service import find_version
from esm_server.storage.base import BlobStore, BlobWriter

BUFFER_BYTES = 2**20


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file of a version, ready to be read."""

    digest: str
    size: int
    store: BlobStore

    def read(self, start: int, stop: int) -> Iterator[bytes]:
        """Bytes from `start` up to `stop`."""
        return self.store.read(self.digest, start, stop)


@dataclass(frozen=True, slots=True)
class UploadLimits:
    """What may be uploaded: the largest file, and whether a namespace need not exist yet."""

    max_blob_bytes: int
    open_namespaces: bool


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
        self, database: Database, store: BlobStore, auth: AuthService, limits: UploadLimits
    ) -> None:
        self._database = database
        self._store = store
        self._auth = auth
        self._limits = limits

    def blob_size(self, caller: Caller, namespace: str, digest: str) -> int:
        """The size of a stored blob; raises InvalidName, NotFound, Forbidden."""
        self._room(caller, namespace)
        size = self._store.size(check_digest(digest))
        if size is None:
            raise NotFound(f"The blob {digest} is not stored.", "Upload it with PUT.")
        return size

    async def receive(
        self,
        caller: Caller,
        namespace: str,
        digest: str,
        announced: int | None,
        chunks: AsyncIterator[bytes],
    ) -> bool:
        """Store an upload while it arrives; whether the blob is new. Nothing of it stays on error.

        The token and the namespace's quota are looked at before the first byte and after the
        last, so that what changed meanwhile counts.
        Raises InvalidName, Forbidden, NotFound, TooLarge, QuotaExceeded, TruncatedUpload,
        DigestMismatch, StorageFull, and Unauthorized for a token revoked meanwhile.
        """
        check_digest(digest)
        room = await asyncio.to_thread(self._room, caller, namespace)
        room.check(announced or 0)
        writer = await asyncio.to_thread(self._store.begin, digest)
        try:
            received = await self._copy(chunks, writer, room)
            if announced is not None and received < announced:
                raise TruncatedUpload(
                    f"{announced} bytes were announced, {received} arrived.", "Push again."
                )
            await asyncio.to_thread(self._auth.recheck, caller)
            (await asyncio.to_thread(self._room, caller, namespace)).check(received)
            return await asyncio.to_thread(writer.commit)
        except BaseException:  # a cancelled request leaves nothing behind either
            writer.abort()
            raise

    async def _copy(self, chunks: AsyncIterator[bytes], writer: BlobWriter, room: "_Room") -> int:
        # One hop to a thread per buffer, not per network packet.
        received, buffer = 0, bytearray()
        async for chunk in chunks:
            received += len(chunk)
            room.check(received)
            buffer += chunk
            if len(buffer) >= BUFFER_BYTES:
                await asyncio.to_thread(writer.write, bytes(buffer))
                buffer.clear()
        await asyncio.to_thread(writer.write, bytes(buffer))
        return received

    def _room(self, caller: Caller, namespace: str) -> "_Room":
        """How much the caller may upload for a namespace, which a publish may create later."""
        with self._database.read() as session:
            row = check_publisher(
                session, caller, namespace, may_create=self._limits.open_namespaces
            )
            if row is None or row.quota_bytes is None:
                return _Room(namespace, self._limits.max_blob_bytes)
            used = NamespaceRepository(session).usage(namespace).num_bytes
        return _Room(namespace, self._limits.max_blob_bytes, row.quota_bytes, used)

    def find_file(
        self, caller: Caller, namespace: str, name: str, selector: str, filename: str
    ) -> StoredFile:
        """A file of a version; raises NotFound, InvalidName, Unavailable if its blob is lost."""
        with self._database.read() as session:
            esms = EsmRepository(session, caller)
            _, version, _ = find_version(esms, namespace, name, selector)
            files = {file.name: file for file in esms.files([version.id])}
        if filename not in files:
            raise NotFound(
                f"This version has no file {filename[:100]!r}.", f"It holds {', '.join(files)}."
            )
        file = files[filename]
        if self._store.size(file.digest) != file.size:
            raise Unavailable(
                f"The bytes of {filename} ({file.digest}) are missing from the server's store.",
                "Tell the server's operator; pushing the same ESM again restores them.",
            )
        return StoredFile(file.digest, file.size, self._store)
