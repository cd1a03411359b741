"""Blobs in a local directory: temporary file, fsync, rename."""

import errno
import fcntl
import hashlib
import os
import tempfile
import time
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

from esm_client.core.artifact.manifest import digest_file
from esm_client.core.errors import Conflict, DigestMismatch, NotFound, StorageFull, Unavailable
from esm_server.storage.base import StoredBlob

CHUNK_BYTES = 256 * 2**10
PART = ".part"
KEEP_SECONDS = 7 * 24 * 3600
"""How long an interrupted upload can go on."""


class LocalBlobStore:
    """`blobs/ab/abcdef...`; a blob appears under its name only when it is whole and on disk."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._incoming = root / "incoming"

    @property
    def spool(self) -> Path:
        """Beside the uploads: `prepare` sweeps it."""
        return self._incoming

    def prepare(self) -> None:
        """Create the directories and remove what interrupted uploads left too long ago."""
        self._incoming.mkdir(parents=True, exist_ok=True)
        for path in self._incoming.iterdir():
            if path.suffix != PART or time.time() - path.stat().st_mtime > KEEP_SECONDS:
                path.unlink()

    def size(self, digest: str) -> int | None:
        """The blob's size in bytes, or None when it is not there."""
        try:
            return self._path(digest).stat().st_size
        except FileNotFoundError:
            return None

    def stored(self) -> Iterator[StoredBlob]:
        """All whole blobs, in no order."""
        for path in self._root.glob("??/*"):
            with suppress(FileNotFoundError):  # removed meanwhile
                state = path.stat()
                changed = datetime.fromtimestamp(state.st_mtime, UTC)
                yield StoredBlob(f"sha256:{path.name}", state.st_size, changed)

    def begin(self, digest: str, owner: str | None = None, offset: int = 0) -> "LocalBlobWriter":
        """Start an upload, or go on with one; raises StorageFull, Conflict."""
        with _translated():
            return LocalBlobWriter(digest, self._path(digest), self._part(digest, owner), offset)

    def put_many(self, blobs: Iterable[tuple[str, Iterable[bytes]]]) -> None:
        """Store blobs that are not there yet; all are on disk when it returns, by one sync.

        Raises DigestMismatch, StorageFull; those before the one at fault stay.
        """
        for digest, chunks in blobs:
            if self.size(digest) is not None:
                continue
            with _translated():
                writer = LocalBlobWriter(digest, self._path(digest), self._part(digest, None), 0)
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
        try:
            return self._part(digest, owner).stat().st_size
        except FileNotFoundError:
            return 0

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

    def _part(self, digest: str, owner: str | None) -> Path:
        if owner is None:
            return self._incoming / f"{uuid4().hex}.tmp"
        # by owner, so that nobody spoils what another is uploading
        key = hashlib.sha256(f"{owner}\n{digest}".encode()).hexdigest()
        return self._incoming / f"{key}{PART}"

    def _path(self, digest: str) -> Path:
        name = digest.removeprefix("sha256:")
        return self._root / name[:2] / name


class LocalBlobWriter:
    """One upload into a part file, which nobody else writes to meanwhile."""

    def __init__(self, digest: str, target: Path, part: Path, offset: int) -> None:
        self._digest = digest
        self._target = target
        self._part = part
        self._file = part.open("ab")
        try:
            self._claim(offset)
        except BaseException:
            self._file.close()
            raise
        self._hash = hashlib.sha256() if offset == 0 else None

    def _claim(self, offset: int) -> None:
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as cause:
            raise Conflict(
                f"{self._digest} is being uploaded by you at this moment.",
                "Wait until that upload ends.",
            ) from cause
        if offset == 0:
            self._file.truncate(0)
        elif (kept := self._file.tell()) != offset:
            raise Conflict(
                f"The upload stopped at byte {kept}, not at {offset}.",
                "Ask with HEAD where it stopped (Upload-Offset).",
            )

    def write(self, data: bytes) -> None:
        """Append bytes; raises StorageFull."""
        if self._hash is not None:
            self._hash.update(data)
        with _translated():
            self._file.write(data)

    def commit(self, *, sync: bool = True) -> bool:
        """Flush to disk, then rename; raises DigestMismatch, StorageFull.

        Without `sync` the caller makes it durable, before anything names the blob.
        """
        with _translated():
            self._file.flush()
            actual = digest_file(self._part) if self._hash is None else self._digest_so_far()
            if actual != self._digest:
                raise DigestMismatch(
                    f"The bytes that arrived have the digest {actual}, not {self._digest}.",
                    "The file changed or the transfer broke: push again.",
                )
            if sync:
                os.fsync(self._file.fileno())
            is_new = not self._target.exists()
            self._target.parent.mkdir(exist_ok=True)
            self._part.replace(self._target)
            self._file.close()
            if sync:
                _sync_directory(self._target.parent)
                # always: another upload may have just made the directory
                _sync_directory(self._target.parent.parent)
        return is_new

    def keep(self) -> None:
        """Leave the part where it is."""
        with suppress(OSError):  # closing flushes, which fails on a full disk
            self._file.close()

    def abort(self) -> None:
        """Remove the part."""
        self._part.unlink(missing_ok=True)
        self.keep()

    def _digest_so_far(self) -> str:
        return "" if self._hash is None else f"sha256:{self._hash.hexdigest()}"


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
