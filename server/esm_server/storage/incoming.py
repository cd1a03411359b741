"""Uploads on their way in: part files in a local directory, hashed while they grow."""

import errno
import fcntl
import hashlib
import os
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

from esm_client.core.artifact.manifest import digest_file
from esm_client.core.errors import Conflict, DigestMismatch, StorageFull, Unavailable

PART = ".part"
LATELY = timedelta(days=7)
"""How long one can go on with what one has begun to send: with a file of which a part is here, and
with whole files that no version names yet. Large models come over slow lines."""


class Incoming:
    """The directory of uploads; what nobody goes on with is swept."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def prepare(self) -> None:
        """Create the directory and remove what nobody will go on with; no upload may be running."""
        self.directory.mkdir(parents=True, exist_ok=True)
        for path in self.directory.iterdir():
            if path.suffix != PART:
                path.unlink()
        self.sweep()

    def sweep(self) -> None:
        """Remove what interrupted uploads left too long ago."""
        if self.directory.is_dir():
            for path in self.directory.iterdir():
                # Only what is old is locked: an upload that begins meanwhile would be refused.
                with suppress(FileNotFoundError, BlockingIOError):
                    if _is_old(path):
                        self._remove(path)

    def _remove(self, path: Path) -> None:
        with path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)  # nobody goes on with it
            if _is_old(path):  # still: somebody may have gone on with it in between
                path.unlink()

    def path(self, digest: str, owner: str | None) -> Path:
        """Where an upload is written; without an owner, a place that is used once."""
        if owner is None:
            return self.directory / f"{uuid4().hex}.tmp"
        # by owner, so that nobody spoils what another is uploading
        key = hashlib.sha256(f"{owner}\n{digest}".encode()).hexdigest()
        return self.directory / f"{key}{PART}"

    def kept(self, digest: str, owner: str) -> int:
        """Bytes that an interrupted upload of this owner has left."""
        try:
            return self.path(digest, owner).stat().st_size
        except FileNotFoundError:
            return 0

    def check(self) -> None:
        """Write and remove a small file; raises StorageFull or Unavailable."""
        with translated(), tempfile.TemporaryFile(dir=self.directory) as file:
            file.write(b"ready?")
            file.flush()


def _is_old(path: Path) -> bool:
    return time.time() - path.stat().st_mtime > LATELY.total_seconds()


class PartFile:
    """One upload into a file, which nobody else writes to meanwhile."""

    def __init__(self, digest: str, path: Path, offset: int) -> None:
        """Raises Conflict when `offset` is not where it stopped, or while it is going on."""
        self.digest, self.path = digest, path
        with translated():
            self.file = path.open("ab")
        try:
            self._claim(offset)
            if not path.exists() or path.stat().st_ino != os.fstat(self.file.fileno()).st_ino:
                raise Conflict("The upload was swept just now.", "Begin it again.")
        except BaseException:
            self.file.close()
            raise
        self._hash = hashlib.sha256() if offset == 0 else None
        self._verified = False

    def _claim(self, offset: int) -> None:
        try:
            fcntl.flock(self.file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as cause:
            raise Conflict(
                f"{self.digest} is being uploaded by you at this moment.",
                "Wait until that upload ends.",
            ) from cause
        if offset == 0:
            self.file.truncate(0)
        elif (kept := self.file.tell()) != offset:
            raise Conflict(
                f"The upload stopped at byte {kept}, not at {offset}.",
                "Ask with HEAD where it stopped (Upload-Offset).",
            )

    def write(self, data: bytes) -> None:
        """Append bytes; raises StorageFull."""
        self._verified = False
        if self._hash is not None:
            self._hash.update(data)
        with translated():
            self.file.write(data)

    def verify(self) -> None:
        """Flush, and raise DigestMismatch for other bytes than announced; hashes them once."""
        if self._verified:
            return
        with translated():
            self.file.flush()
            hashed = self._hash
            actual = f"sha256:{hashed.hexdigest()}" if hashed else digest_file(self.path)
        if actual != self.digest:
            raise other_bytes(actual, self.digest)
        self._verified = True

    def keep(self) -> None:
        """Leave the part where it is."""
        with suppress(OSError):  # closing flushes, which fails on a full disk
            self.file.close()

    def abort(self) -> None:
        """Remove the part."""
        try:
            self.path.unlink(missing_ok=True)
        finally:
            self.keep()


def other_bytes(actual: str, announced: str) -> DigestMismatch:
    """What an upload of wrong bytes is told."""
    return DigestMismatch(
        f"The bytes that arrived have the digest {actual}, not {announced}.",
        "The file changed or the transfer broke: push again.",
    )


@contextmanager
def translated() -> Generator[None]:
    """Turn an OSError of the server's disk into StorageFull or Unavailable."""
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


def sync_directory(path: Path) -> None:
    """Make renames in a directory durable."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
