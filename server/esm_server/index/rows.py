"""Vectors of length one by id, in arrays that only grow."""

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float32]
Ids = NDArray[np.int64]


class Rows:
    """A row for each vector that was put in; that of a removed one stays and is dead.

    One thread at a time may change it. Others may read meanwhile: what lies below `count` stays.
    """

    def __init__(self, dimension: int) -> None:
        self._vectors = np.zeros((0, dimension), dtype=np.float32)
        self._ids = np.zeros(0, dtype=np.int64)
        self._alive = np.zeros(0, dtype=np.bool_)
        self._row_of: dict[int, int] = {}
        self.count = 0
        """Rows, dead ones included."""

    def __len__(self) -> int:
        return len(self._row_of)

    @property
    def vectors(self) -> Vectors:
        """Of all rows (count, d), dead ones included."""
        return self._vectors[: self.count]

    def append(self, ids: Ids, units: Vectors) -> None:
        """Put in vectors (n, d) of length one under ids that have none."""
        start, end = self.count, self.count + len(ids)
        if end > len(self._ids):
            room = max(end, 2 * start) - start
            self._vectors = np.vstack(
                [self._vectors[:start], np.empty((room, units.shape[1]), np.float32)]
            )
            self._ids = np.append(self._ids[:start], np.empty(room, np.int64))
            self._alive = np.append(self._alive[:start], np.zeros(room, np.bool_))
        self._vectors[start:end], self._ids[start:end] = units, ids
        self._alive[start:end] = True
        self._row_of.update(zip(ids.tolist(), range(start, end), strict=True))
        self.count = end

    def drop(self, ids: Ids) -> None:
        """Forget vectors; unknown ids are left alone."""
        rows = [self._row_of.pop(one) for one in set(ids.tolist()) & self._row_of.keys()]
        self._alive[rows] = False

    def alive(self) -> tuple[Ids, Vectors]:
        """Ids and vectors (n, d) of what was not removed."""
        kept = np.flatnonzero(self._alive[: self.count])
        return self._ids[kept], self._vectors[kept]

    def of(self, ids: Ids) -> Vectors:
        """The vectors (n, d) of ids; NaN for an id that has none."""
        rows = np.array([self._row_of.get(one, -1) for one in ids.tolist()], dtype=np.intp)
        found = np.full((len(rows), self._vectors.shape[1]), np.nan, dtype=np.float32)
        found[rows >= 0] = self._vectors[rows[rows >= 0]]
        return found

    def named(self, rows: Ids, cosines: Vectors) -> tuple[Ids, Vectors]:
        """Ids and cosines of those of some rows that are alive; -1 stands for no row."""
        kept = (rows >= 0) & self._alive[rows]
        return self._ids[rows[kept]], cosines[kept]

    def nearest(self, unit: Vectors, count: int) -> tuple[Ids, Vectors]:
        """Ids and cosines of the nearest to a vector (d,), best first, by looking at each."""
        cosines = self.vectors @ unit
        alive = self._alive[: len(cosines)]
        rows = np.flatnonzero(alive)
        if 0 < count < len(rows):
            rows = rows[np.argpartition(-cosines[rows], count - 1)[:count]]
        rows = rows[np.argsort(-cosines[rows])][:count]
        return self._ids[rows], cosines[rows]


def unit(vectors: NDArray[np.floating]) -> Vectors:
    """Vectors (n, d) scaled to length one; those of zeros stay."""
    wide = vectors.astype(np.float64)  # the squares of large numbers are infinite in float32
    norms = np.linalg.norm(wide, axis=1, keepdims=True)
    return (wide / np.where(norms > 0.0, norms, 1.0)).astype(np.float32)
