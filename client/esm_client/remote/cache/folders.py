"""Whole folders in the cache: pulled spaces and source models, each dropped as a whole."""

import os
import shutil
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock

_LOCK = ".lock"


class CachedFolders:
    """Folders below one directory; beside each may lie a lock, and a part that is on its way."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def __iter__(self) -> Iterator[Path]:
        """All folders, also those that a broken download left."""
        return (path for path in self.directory.glob("*") if path.is_dir())

    @contextmanager
    def writing(self, name: str) -> Generator[Path]:
        """The folder of that name, there or not, while no other process writes to it."""
        self.directory.mkdir(parents=True, exist_ok=True)
        folder = self.directory / name
        with FileLock(self.directory / f"{name}{_LOCK}"):
            yield folder
            if folder.is_dir():
                os.utime(folder)  # the time of its last use, for prune

    def files(self) -> Iterator[Path]:
        """All files in all folders."""
        return (path for path in self.directory.rglob("*") if path.is_file())


def bytes_in(folder: Path) -> int:
    """Of all files in a folder, at any depth."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def remove(path: Path) -> None:
    """Drop a file, or a folder with all that is in it."""
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()
