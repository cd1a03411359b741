"""File contents on disk, named by their sha256 and never trusted without looking."""

import hashlib
import os
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from esm_client.core.disk import beside, disk_errors
from esm_client.core.references import check_digest
from esm_client.remote.files.part_file import locked

CHUNK_BYTES = 2**20
_TARGET = "Choose a destination you may write to."


class CachedBlobs:
    """Blobs below one directory: `<2 hex digits>/<64 hex digits>`."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def path(self, digest: str) -> Path:
        """Where the blob lies, if it does."""
        digits = check_digest(digest).removeprefix("sha256:")
        return self.directory / digits[:2] / digits

    def __contains__(self, digest: str) -> bool:
        return self.path(digest).is_file()

    def __iter__(self) -> Iterator[Path]:
        """All complete blobs."""
        return (path for path in self.directory.glob("??/*") if not path.name.startswith("."))

    def copy(self, digest: str, target: Path) -> bool:
        """Copy a blob to a new file while verifying it; a damaged one is dropped.

        Returns whether `target` now holds these bytes. A copy, not a link: nobody who edits a
        pulled file may change the cache.
        """
        source = self.path(digest)
        if not source.is_file():
            return False
        hasher = hashlib.sha256()
        with source.open("rb") as reader, disk_errors(target, _TARGET), target.open("wb") as writer:
            while chunk := reader.read(CHUNK_BYTES):
                hasher.update(chunk)
                writer.write(chunk)
        if f"sha256:{hasher.hexdigest()}" == digest:
            os.utime(source)  # the time of its last use, for prune
            return True
        target.unlink()
        source.unlink(missing_ok=True)
        return False

    @contextmanager
    def partial(self, digest: str) -> Generator[BinaryIO]:
        """A file to download into, at its end: what an interrupted download left is kept.

        A second process that wants the same blob gets a file of its own, and so does everybody
        where files cannot be locked.
        """
        blob = self.path(digest)
        blob.parent.mkdir(parents=True, exist_ok=True)
        part = blob.with_name(f".{blob.name}.part")
        with part.open("ab") as file:
            if locked(file, part):
                yield file
                return
        own = beside(blob)
        try:
            with own.open("ab") as file:
                yield file
        finally:
            own.unlink(missing_ok=True)

    def adopt(self, file: BinaryIO, digest: str) -> None:
        """Make a complete download, whose digest is right, a blob."""
        Path(file.name).replace(self.path(digest))
