"""Blobs in a local directory: temporary file, fsync, rename."""

import errno
import hashlib
import os
import tempfile
from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from esm_client.core.errors import DigestMismatch, NotFound, StorageFull, Unavailable

CHUNK_BYTES = 256 * 2**10


class LocalBlobStore:
    """`blobs/ab/abcdef...`; a blob appears under its name only when it is whole and on disk."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._incoming = root / "incoming"

    def prepare(self) -> None:
        """Create the directories and remove what interrupted uploads of an earlier run left."""
        self._incoming.mkdir(parents=True, exist_ok=True)
        for path in self._incoming.iterdir():
            path.unlink()

    def size(self, digest: str) -> int | None:
        """The blob's size in bytes, or None when it is not there."""
        try:
            return self._path(digest).stat().st_size
        except FileNotFoundError:
            return None

    def begin(self, digest: str) -> "LocalBlobWriter":
        """Start an upload of the bytes with this digest; raises StorageFull."""
        with _translated():
            return LocalBlobWriter(digest, self._path(digest), self._incoming)

    def read(self, digest: str, start: int, stop: int) -> Iterator[bytes]:
        """Bytes from `start` up to `stop`, in chunks; raises NotFound."""
        with self.local_copy(digest) as path, path.open("rb") as file:
            file.seek(start)
            while start < stop and (chunk := file.read(min(CHUNK_BYTES, stop - start))):
                start += len(chunk)
                yield chunk

    @contextmanager
    def local_copy(self, digest: str) -> Generator[Path]:
        """The blob's own file; raises NotFound."""
        path = self._path(digest)
        if not path.is_file():
            raise NotFound(f"The blob {digest} is not stored.", "Upload it again.")
        yield path

    def remove(self, digest: str) -> None:
        """Forget a blob; nothing happens when it is not there."""
        with _translated():
            self._path(digest).unlink(missing_ok=True)

    def check(self) -> None:
        """Write and remove a small file; raises StorageFull or Unavailable."""
        with _translated(), tempfile.TemporaryFile(dir=self._incoming) as file:
            file.write(b"ready?")
            file.flush()

    def _path(self, digest: str) -> Path:
        name = digest.removeprefix("sha256:")
        return self._root / name[:2] / name


class LocalBlobWriter:
    """One upload into a temporary file."""

    def __init__(self, digest: str, target: Path, incoming: Path) -> None:
        self._digest = digest
        self._target = target
        self._hash = hashlib.sha256()
        descriptor, name = tempfile.mkstemp(dir=incoming)
        self._temporary = Path(name)
        self._file = os.fdopen(descriptor, "wb")

    def write(self, data: bytes) -> None:
        """Append bytes; raises StorageFull."""
        self._hash.update(data)
        with _translated():
            self._file.write(data)

    def commit(self) -> bool:
        """Flush to disk, then rename; raises DigestMismatch, StorageFull."""
        actual = f"sha256:{self._hash.hexdigest()}"
        if actual != self._digest:
            raise DigestMismatch(
                f"The bytes that arrived have the digest {actual}, not {self._digest}.",
                "The file changed or the transfer broke: push again.",
            )
        with _translated():
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()
            is_new = not self._target.exists()
            self._target.parent.mkdir(exist_ok=True)
            self._temporary.replace(self._target)
            _sync_directory(self._target.parent)
            # always: another upload may have just made the directory
            _sync_directory(self._target.parent.parent)
        return is_new

    def abort(self) -> None:
        """Remove the temporary file."""
        with suppress(OSError):  # closing flushes, which fails on a full disk
            self._file.close()
        self._temporary.unlink(missing_ok=True)


@contextmanager
def _translated() -> Generator[None]:
    try:
        yield
    except OSError as cause:
        if cause.errno in (errno.ENOSPC, errno.EDQUOT):
            raise StorageFull(
                "The server's disk is full, so the upload was refused.",
                "Tell the server's operator; nothing was stored.",
            ) from cause
        raise Unavailable(
            "The server cannot write to its blob store.", "Tell the server's operator."
        ) from cause


def _sync_directory(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
