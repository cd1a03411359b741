"""Blobs of a remote store on the local disk: those that were read last, up to a size."""

import os
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Lock
from time import time
from uuid import uuid4

from esm_client.core.artifact.manifest import digest_file
from esm_server.storage.incoming import translated

STALE_SECONDS = 24 * 3600
KEPT_SHARE = 0.9
"""Of the size, how much stays when room is made."""


class BlobCache:
    """A directory of verified copies, which several processes may share.

    Who reads a blob reads a hard link of their own, so that nobody drops it under their hands.
    """

    def __init__(self, directory: Path, max_bytes: int) -> None:
        self._directory, self._max_bytes = directory, max_bytes
        self._in_use = directory / "in-use"
        self._lock, self._total = Lock(), 0

    def prepare(self) -> None:
        """Create the directory and count what it holds; sweeps what a kill left."""
        self._in_use.mkdir(parents=True, exist_ok=True)
        for path in self._in_use.iterdir():
            with suppress(FileNotFoundError):
                if time() - path.stat().st_mtime > STALE_SECONDS:
                    path.unlink()
        self._make_room()

    @contextmanager
    def open(self, digest: str, fetch: Callable[[], Iterable[bytes]]) -> Generator[Path]:
        """A file with the blob's bytes for as long as the block runs.

        `fetch` gives the bytes where they are not here yet, and raises if they are wrong.
        """
        with translated():
            self._in_use.mkdir(parents=True, exist_ok=True)
        mine = self._in_use / uuid4().hex
        try:
            if not self._link(digest, mine):
                self._download(digest, mine, fetch)
            yield mine
        finally:
            mine.unlink(missing_ok=True)

    def forget(self, digest: str) -> None:
        """Drop a blob."""
        with translated():
            self._path(digest).unlink(missing_ok=True)

    def _link(self, digest: str, mine: Path) -> bool:
        blob = self._path(digest)
        try:
            mine.hardlink_to(blob)
            os.utime(blob)
        except FileNotFoundError:  # not there, or dropped just now: the link is others' file
            mine.unlink(missing_ok=True)
            return False
        with suppress(OSError):  # a disk that cannot read it has damaged it too
            if digest_file(mine) == digest:
                return True
        mine.unlink()  # this disk has damaged it: fetch it again
        blob.unlink(missing_ok=True)
        return False

    def _download(self, digest: str, mine: Path, fetch: Callable[[], Iterable[bytes]]) -> None:
        with translated(), mine.open("wb") as file:
            for chunk in fetch():
                file.write(chunk)
            file.flush()
            os.fsync(file.fileno())  # what is trusted later must be on disk whole
            size = file.tell()
        blob = self._path(digest)
        with translated(), suppress(FileExistsError):  # another reader was faster
            blob.parent.mkdir(exist_ok=True)
            blob.hardlink_to(mine)
            with self._lock:
                self._total += size
                full = self._total > self._max_bytes
            if full:
                self._make_room()

    def _make_room(self) -> None:
        """Drop those that were read longest ago."""
        found: list[tuple[float, int, Path]] = []
        for path in self._directory.glob("??/*"):
            with suppress(FileNotFoundError):
                state = path.stat()
                found.append((state.st_mtime, state.st_size, path))
        total = sum(size for _, size, _ in found)
        if total > self._max_bytes:
            for _, size, path in sorted(found):
                if total <= KEPT_SHARE * self._max_bytes:
                    break
                path.unlink(missing_ok=True)
                total -= size
        with self._lock:
            self._total = total

    def _path(self, digest: str) -> Path:
        name = digest.removeprefix("sha256:")
        return self._directory / name[:2] / name
