"""Receiving blobs and finding the files of versions."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass

from esm_client.core.errors import NotFound, TooLarge, TruncatedUpload, Unavailable
from esm_client.core.references import check_digest
from esm_server.db.database import Database
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


class ArtifactService:
    """Blobs of one registry."""

    def __init__(self, database: Database, store: BlobStore, max_blob_bytes: int) -> None:
        self._database = database
        self._store = store
        self._max_blob_bytes = max_blob_bytes

    def blob_size(self, digest: str) -> int:
        """The size of a stored blob; raises InvalidName, NotFound."""
        size = self._store.size(check_digest(digest))
        if size is None:
            raise NotFound(f"The blob {digest} is not stored.", "Upload it with PUT.")
        return size

    async def receive(
        self, digest: str, announced: int | None, chunks: AsyncIterator[bytes]
    ) -> bool:
        """Store an upload while it arrives; whether the blob is new. Nothing of it stays on error.

        Raises InvalidName, TooLarge, TruncatedUpload, DigestMismatch, StorageFull.
        """
        check_digest(digest)
        self._check_size(announced or 0)
        writer = await asyncio.to_thread(self._store.begin, digest)
        try:
            received = await self._copy(chunks, writer)
            if announced is not None and received < announced:
                raise TruncatedUpload(
                    f"{announced} bytes were announced, {received} arrived.", "Push again."
                )
            return await asyncio.to_thread(writer.commit)
        except BaseException:  # a cancelled request leaves nothing behind either
            writer.abort()
            raise

    async def _copy(self, chunks: AsyncIterator[bytes], writer: BlobWriter) -> int:
        # One hop to a thread per buffer, not per network packet.
        received, buffer = 0, bytearray()
        async for chunk in chunks:
            received += len(chunk)
            self._check_size(received)
            buffer += chunk
            if len(buffer) >= BUFFER_BYTES:
                await asyncio.to_thread(writer.write, bytes(buffer))
                buffer.clear()
        await asyncio.to_thread(writer.write, bytes(buffer))
        return received

    def _check_size(self, size: int) -> None:
        if size > self._max_blob_bytes:
            raise TooLarge(
                f"The file has {size} bytes or more; the server takes {self._max_blob_bytes}.",
                "Store the map in half precision.",
            )

    def find_file(self, namespace: str, name: str, selector: str, filename: str) -> StoredFile:
        """A file of a version; raises NotFound, InvalidName, Unavailable if its blob is lost."""
        with self._database.read() as session:
            esms = EsmRepository(session)
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
