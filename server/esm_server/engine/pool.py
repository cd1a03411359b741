"""The maps of one embedding space, resident: a shelf per shape, followed and compacted."""

import logging
from collections.abc import Callable, Collection, Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from threading import RLock

from esm_client.core.errors import EsmError, InvalidArtifact, NotFound, StorageFull
from esm_client.core.maps.storage import load_map
from esm_server.engine.shelf import MapShape, Shelf

OpenBlob = Callable[[str], AbstractContextManager[Path]]

COMPACT_SHARE = 0.25
"""Of dead records in a shelf, from which on it is written anew."""
COMPACT_RECORDS = 64
_LOG = logging.getLogger("esm_server")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a map lies: the shelf and the row."""

    shelf: Shelf
    row: int


class ResidentPool:
    """Maps by the digest of their model.safetensors; what is missing is read from its blob.

    The directory is derived data: without it, or with damaged records, it is filled again.
    """

    def __init__(self, directory: Path, open_blob: OpenBlob) -> None:
        self._directory, self._open_blob = directory, open_blob
        self._places: dict[str, Place] = {}
        self._shelves: dict[MapShape, Shelf] = {}
        self._serial = 0
        self._lock = RLock()
        self._read()

    def __len__(self) -> int:
        return len(self._places)

    def place(self, digests: Iterable[str]) -> dict[str, Place | EsmError]:
        """Where each map lies, or why it cannot be scored; raises StorageFull."""
        found: dict[str, Place | EsmError] = {}
        for digest in digests:
            try:
                found[digest] = self._places.get(digest) or self._take_in(digest)
            except StorageFull:
                raise
            except EsmError as error:
                found[digest] = error
        return found

    def forget(self, digest: str) -> None:
        """A record turned out to be wrong: the next `place` reads the blob again."""
        with self._lock:
            self._places.pop(digest, None)

    def compact(self, live: Collection[str]) -> int:
        """Write shelves anew that hold many maps not in `live`; returns the records dropped.

        Who still reads an old file keeps it: the new one has another name.
        """
        dropped = 0
        with self._lock:
            for digest in [digest for digest in self._places if digest not in live]:
                del self._places[digest]
            for shape, shelf in list(self._shelves.items()):
                kept = {d: p.row for d, p in self._places.items() if p.shelf is shelf}
                dead = len(shelf) - len(kept)
                if dead >= COMPACT_RECORDS and dead >= COMPACT_SHARE * len(shelf):
                    self._rewrite(shape, shelf, kept)
                    dropped += dead
        return dropped

    def _rewrite(self, shape: MapShape, shelf: Shelf, kept: dict[str, int]) -> None:
        fresh = self._new_shelf(shape)
        beside = fresh.path.with_suffix(".part")
        size = shelf.record_bytes
        with shelf.path.open("rb") as source, beside.open("wb") as target:
            for row in kept.values():
                source.seek(row * size)
                target.write(source.read(size))
        beside.replace(fresh.path)
        for row, digest in enumerate(kept):
            self._places[digest] = Place(fresh, row)
        self._shelves[shape] = fresh
        shelf.path.unlink()

    def _take_in(self, digest: str) -> Place:
        with self._lock:
            if digest in self._places:  # somebody was faster
                return self._places[digest]
            try:
                with self._open_blob(digest) as path:
                    esm_map = load_map(path.read_bytes())
            except NotFound as cause:
                raise InvalidArtifact("Its weights are lost on the server's disk.") from cause
            except OSError as cause:
                _LOG.warning("the blob %s could not be read", digest, exc_info=cause)
                raise InvalidArtifact("Its weights could not be read.") from cause
            shape = MapShape.of(esm_map)
            try:
                shelf = self._shelves.get(shape) or self._new_shelf(shape)
                self._shelves[shape] = shelf
                place = self._places[digest] = Place(shelf, shelf.append(digest, esm_map))
            except OSError as cause:
                raise StorageFull(
                    f"The server cannot put maps at hand: {cause.strerror}.",
                    "Tell the server's operator; the ranking can be asked for again.",
                ) from cause
            return place

    def _new_shelf(self, shape: MapShape) -> Shelf:
        self._directory.mkdir(parents=True, exist_ok=True)
        self._serial += 1
        return Shelf(self._directory / f"{shape}.{self._serial}.maps", shape)

    def _read(self) -> None:
        """Take over what an earlier process has left; of two files of a shape the newer counts."""
        for path in sorted(self._directory.glob("*"), key=_serial_of):
            name, serial = path.name.rpartition(".maps")[0].rpartition(".")[0], _serial_of(path)
            shape = MapShape.parse(name)
            if path.suffix != ".maps" or shape is None:
                path.unlink()
                continue
            self._serial = max(self._serial, serial)
            if (older := self._shelves.get(shape)) is not None:
                self._places = {d: p for d, p in self._places.items() if p.shelf is not older}
                older.path.unlink()
            shelf = self._shelves[shape] = Shelf(path, shape)
            sound = shelf.sound_digests()
            if len(sound) < len(shelf):
                _LOG.warning("%s: %d damaged records", path.name, len(shelf) - len(sound))
            self._places |= {digest: Place(shelf, row) for digest, row in sound.items()}


def _serial_of(path: Path) -> int:
    serial = path.name.rpartition(".maps")[0].rpartition(".")[2]
    return int(serial) if serial.isdigit() else 0
