"""The local cache: what was pulled once is never fetched twice, and is there offline."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from esm_client.core.disk import disk_errors
from esm_client.remote.cache.blobs import CachedBlobs
from esm_client.remote.cache.folders import CachedFolders, bytes_in, remove
from esm_client.remote.cache.sketches import CachedSketches
from esm_client.remote.cache.versions import CachedVersion, CachedVersions

HINT = "Set ESM_REGISTRY_CACHE to a directory you may write to."


@dataclass(frozen=True)
class CacheEntry:
    """One version in the cache. `complete`: all of its files are there."""

    server: str
    reference: str
    digest: str
    size: int
    complete: bool
    last_used: datetime | None


class Cache:
    """A directory with `blobs`, `versions`, `sketches`, `spaces` and `source-models`.

    Nothing else in it is ever touched.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.blobs = CachedBlobs(directory / "blobs" / "sha256")
        self.versions = CachedVersions(directory / "versions")
        self.sketches = CachedSketches(directory / "sketches")
        self.spaces = CachedFolders(directory / "spaces")
        self.source_models = CachedFolders(directory / "source-models")

    def __repr__(self) -> str:
        return f"Cache({str(self.directory)!r})"

    def ls(self) -> list[CacheEntry]:
        """Every version in the cache."""
        with disk_errors(self.directory, HINT):
            return [self._entry(version) for version in self.versions]

    def size(self) -> int:
        """Bytes of all files in the cache, interrupted downloads included."""
        with disk_errors(self.directory, HINT):
            return sum(path.stat().st_size for path in self._files())

    def clear(self) -> int:
        """Remove everything; returns the bytes that were freed."""
        freed = self.size()
        with disk_errors(self.directory, HINT):
            for part in (
                self.blobs.directory.parent,
                self.versions.directory,
                self.sketches.directory,
                self.spaces.directory,
                self.source_models.directory,
            ):
                if part.is_dir():
                    shutil.rmtree(part)
        return freed

    def prune(self, max_bytes: int) -> int:
        """Drop the least recently used files and folders until at most `max_bytes` remain.

        Interrupted downloads go first. Returns the bytes that were freed.
        """
        before = remaining = self.size()
        with disk_errors(self.directory, HINT):
            droppable = [*self._blob_files(), *self.spaces, *self.source_models]
            for path in sorted(droppable, key=_partial_then_oldest):
                if remaining <= max_bytes:
                    break
                remaining -= bytes_in(path) if path.is_dir() else path.stat().st_size
                remove(path)
            for version in list(self.versions):
                if not self._entry(version).complete:
                    self.versions.forget(version)
        return before - self.size()

    def _entry(self, version: CachedVersion) -> CacheEntry:
        paths = [self.blobs.path(file.sha256) for file in version.detail.manifest.files.values()]
        present = [path.stat() for path in paths if path.is_file()]
        used = max((status.st_mtime for status in present), default=None)
        return CacheEntry(
            server=version.server,
            reference=f"{version.detail.namespace}/{version.detail.name}@{version.detail.version}",
            digest=version.detail.digest,
            size=sum(status.st_size for status in present),
            complete=len(present) == len(paths),
            last_used=None if used is None else datetime.fromtimestamp(used, UTC),
        )

    def _blob_files(self) -> Iterator[Path]:
        """Blobs and interrupted downloads."""
        return (path for path in self.blobs.directory.glob("??/*") if path.is_file())

    def _files(self) -> Iterator[Path]:
        yield from self._blob_files()
        for part in (self.versions.directory, self.sketches.directory):
            yield from (path for path in part.rglob("*") if path.is_file())
        for folders in (self.spaces, self.source_models):
            yield from folders.files()


def _partial_then_oldest(path: Path) -> tuple[bool, float]:
    is_whole = not path.name.startswith(".") and path.suffix != ".part"
    return is_whole, path.stat().st_mtime
