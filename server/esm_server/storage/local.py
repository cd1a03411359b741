"""Blobs in a local directory: temporary file, fsync, rename."""

import os
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from esm_client.core.errors import NotFound
from esm_server.storage.base import StoredBlob
from esm_server.storage.incoming import Incoming, PartFile, sync_directory, translated

CHUNK_BYTES = 2**18
"""Read at a time; a download that its client does not take holds two of them in memory."""


class LocalBlobStore:
    """`blobs/ab/abcdef...`; a blob appears under its name only when it is whole and on disk."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._incoming = Incoming(root / "incoming")

    @property
    def spool(self) -> Path:
        """Beside the uploads: `prepare` sweeps it."""
        return self._incoming.directory

    def prepare(self) -> None:
        """Create the directories and remove what interrupted uploads left too long ago."""
        self._incoming.prepare()

    def sweep(self) -> None:
        """Remove what interrupted uploads left too long ago."""
        self._incoming.sweep()

    def size(self, digest: str) -> int | None:
        """The blob's size in bytes, or None when it is not there."""
        try:
            return self._path(digest).stat().st_size
        except FileNotFoundError:
            return None

    def state(self, digest: str) -> str | None:
        """Names what is stored, and changes when it is stored anew; None when nothing is."""
        try:
            found = self._path(digest).stat()
        except FileNotFoundError:
            return None
        return f"{found.st_ino}-{found.st_mtime_ns}-{found.st_size}"

    def stored(self) -> Iterator[StoredBlob]:
        """All whole blobs, in no order."""
        for path in self._root.glob("??/*"):
            with suppress(FileNotFoundError):  # removed meanwhile
                state = path.stat()
                changed = datetime.fromtimestamp(state.st_mtime, UTC)
                yield StoredBlob(f"sha256:{path.name}", state.st_size, changed)

    def begin(self, digest: str, owner: str | None = None, offset: int = 0) -> "LocalBlobWriter":
        """Start an upload, or go on with one; raises StorageFull, Conflict."""
        part = self._incoming.path(digest, owner)
        return LocalBlobWriter(digest, self._path(digest), part, offset)

    def put_many(self, blobs: Iterable[tuple[str, Iterable[bytes]]]) -> None:
        """Store blobs that are not there yet; all are on disk when it returns, by one sync.

        Raises DigestMismatch, StorageFull; those before the one at fault stay.
        """
        for digest, chunks in blobs:
            if self.size(digest) is not None:
                continue
            writer = self.begin(digest)
            try:
                for data in chunks:
                    writer.write(data)
                writer.commit(sync=False)
            except BaseException:
                writer.abort()
                raise
        os.sync()

    def kept(self, digest: str, owner: str) -> int:
        """Bytes that an interrupted upload of this owner has left."""
        return self._incoming.kept(digest, owner)

    def read(self, digest: str, start: int, stop: int) -> Iterator[bytes]:
        """Bytes from `start` up to `stop`, in chunks; raises NotFound."""
        try:
            file = self._path(digest).open("rb")
        except FileNotFoundError as cause:
            raise not_stored(digest) from cause
        with file:
            file.seek(start)
            while start < stop and (chunk := file.read(min(CHUNK_BYTES, stop - start))):
                start += len(chunk)
                yield chunk

    @contextmanager
    def local_copy(self, digest: str) -> Generator[Path]:
        """The blob's own file; raises NotFound."""
        path = self._path(digest)
        if not path.is_file():
            raise not_stored(digest)
        yield path

    def remove(self, digest: str) -> None:
        """Forget a blob; nothing happens when it is not there."""
        with translated():
            self._path(digest).unlink(missing_ok=True)

    def reach(self) -> None:
        """Local files are always reached."""

    def check(self) -> None:
        """Write and remove a small file; raises StorageFull or Unavailable."""
        self._incoming.check()

    def _path(self, digest: str) -> Path:
        name = digest.removeprefix("sha256:")
        return self._root / name[:2] / name


class LocalBlobWriter(PartFile):
    """One upload, renamed to the blob's name at the end."""

    def __init__(self, digest: str, target: Path, part: Path, offset: int) -> None:
        super().__init__(digest, part, offset)
        self._target = target

    def commit(self, *, sync: bool = True) -> bool:
        """Flush to disk, then rename; raises DigestMismatch, StorageFull.

        Without `sync` the caller makes it durable, before anything names the blob.
        """
        self.verify()
        with translated():
            if sync:
                os.fsync(self.file.fileno())
            is_new = not self._target.exists()
            self._target.parent.mkdir(exist_ok=True)
            self.path.replace(self._target)
            self.file.close()
            if sync:
                sync_directory(self._target.parent)
                # always: another upload may have just made the directory
                sync_directory(self._target.parent.parent)
        return is_new


def not_stored(digest: str) -> NotFound:
    """What is said of a blob that is not there."""
    return NotFound(f"The blob {digest} is not stored.", "Upload it again.")
