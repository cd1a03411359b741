"""The vectors of one embedding space's sources, following what is published and removed."""

from collections.abc import Callable, Collection, Mapping, Sequence
from threading import Lock
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from esm_server.index.rows import Ids, Vectors
from esm_server.index.vectors import VectorIndex

By = Literal["map", "text"]
Loaded = Mapping[By, tuple[Ids, Vectors]]
Load = Callable[[Sequence[int]], Loaded]
"""The vectors of some versions, of those that have them."""


class SpaceIndex:
    """One index of maps' signatures and one of mean text embeddings, by version id."""

    def __init__(self, *, gpu: bool = False) -> None:
        self._gpu = gpu
        self._known: set[int] = set()
        self._indices: dict[By, VectorIndex] = {}
        self._lock = Lock()

    def follow(self, versions: Collection[int], load: Load) -> None:
        """Hold exactly these versions; only what is new is loaded."""
        with self._lock:
            wanted = set(versions)
            if gone := self._known - wanted:
                ids = np.fromiter(gone, dtype=np.int64)
                for index in self._indices.values():
                    index.remove(ids)
            if new := sorted(wanted - self._known):
                for by, (ids, vectors) in load(new).items():
                    if len(ids):
                        self._index(by, vectors.shape[1]).add(ids, vectors)
            self._known = wanted

    def nearest(self, by: By, vector: NDArray[np.floating], count: int) -> list[tuple[int, float]]:
        """Version ids and cosines, the nearest first; none where nothing has such a vector."""
        index = self._indices.get(by)
        if index is None:
            return []
        ids, cosines = index.search(vector.astype(np.float32), count)
        return list(zip(ids.tolist(), cosines.tolist(), strict=True))

    def vectors(self, by: By, versions: Ids) -> Vectors:
        """The vectors (n, d) of versions, of length one: NaN for one that has none.

        Without columns where no version of the space has one.
        """
        index = self._indices.get(by)
        if index is None:
            return np.zeros((len(versions), 0), dtype=np.float32)
        return index.vectors(versions)

    def _index(self, by: By, dimension: int) -> VectorIndex:
        if by not in self._indices:
            self._indices[by] = VectorIndex(dimension, gpu=self._gpu)
        return self._indices[by]
