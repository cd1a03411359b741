"""Nearest vectors by cosine, over FAISS: flat when small, then a graph, then inverted lists.

FAISS is given rows by number and only ever more of them: not every kind can remove one or give
one back. What is removed is left out of the answers, until so much is dead that all is built anew.
"""

from dataclasses import dataclass
from threading import Lock
from typing import Any, Literal

import numpy as np

from esm_client.core.errors import MissingExtra
from esm_server.index.rows import Ids, Rows, Vectors, unit

Kind = Literal["flat", "hnsw", "ivf"]

FLAT_BELOW = 50_000
"""Vectors up to which looking at every one is fast enough and always right."""
HNSW_BELOW = 500_000
"""Vectors up to which a graph is built; beyond it inverted lists take less memory and time."""
HNSW_LINKS, HNSW_SEARCH = 32, 128
LISTS_PER_ROOT, PROBED_SHARE = 4, 0.02
TRAINED_ON_PER_LIST = 40
"""Vectors: FAISS asks for no fewer than 39."""
WIDEST = 2048
"""Neighbours up to which FAISS is asked: a GPU gives no more, and one product is faster then."""
REBUILD_SHARE = 0.2
"""Of dead rows, from which on everything is built anew."""
PART = 256
"""Vectors added at a time: searches wait for so many, a few hundredths of a second."""


@dataclass(frozen=True, slots=True)
class _Built:
    rows: Rows
    kind: Kind
    faiss: Any


class VectorIndex:
    """Vectors (n, d) by id; safe to use from several threads, also while it is built anew."""

    def __init__(self, dimension: int, *, gpu: bool = False) -> None:
        """An empty index; raises MissingExtra without FAISS."""
        self._faiss = _faiss()
        self._dimension, self._gpu = dimension, gpu
        self._changing = Lock()
        self._calling = Lock()  # FAISS must not be searched while it is added to
        self._built = _Built(Rows(dimension), "flat", self._empty("flat", 0))

    def __len__(self) -> int:
        return len(self._built.rows)

    @property
    def kind(self) -> Kind:
        """How it is searched at its present size."""
        return self._built.kind

    def add(self, ids: Ids, vectors: Vectors) -> None:
        """Put in vectors (n, d) in place of what their ids had; zeros are near to nothing."""
        units = unit(vectors)
        with self._changing:
            built = self._built
            built.rows.drop(ids)
            if _kind_for(built.rows.count + len(ids)) != built.kind:
                self._build_anew(ids, units)
                return
            for start in range(0, len(ids), PART):
                part = slice(start, start + PART)
                with self._calling:
                    built.faiss.add(units[part])
                    built.rows.append(ids[part], units[part])

    def remove(self, ids: Ids) -> None:
        """Forget vectors; unknown ids are left alone."""
        with self._changing:
            rows = self._built.rows
            rows.drop(ids)
            if rows.count - len(rows) > REBUILD_SHARE * rows.count:
                self._build_anew(np.zeros(0, np.int64), np.zeros((0, self._dimension), np.float32))

    def search(self, vector: Vectors, count: int) -> tuple[Ids, Vectors]:
        """Ids and cosines of the nearest to a vector (d,), best first; fewer only where all are."""
        query = unit(vector[np.newaxis])
        wanted = count
        while True:
            with self._calling:
                built = self._built
                rows = built.rows
                if not 0 < wanted <= min(WIDEST, rows.count):
                    break
                cosines, numbers = built.faiss.search(query, wanted)
                ids, cosines = rows.named(numbers[0], cosines[0])
            if len(ids) >= count:
                return ids[:count], cosines[:count]
            wanted *= 2
        return rows.nearest(query[0], count)

    def vectors(self, ids: Ids) -> Vectors:
        """The vectors (n, d) of ids, scaled to length one; NaN for an id that has none."""
        return self._built.rows.of(ids)

    def _build_anew(self, ids: Ids, units: Vectors) -> None:
        """Beside the present one, which is searched meanwhile."""
        rows = Rows(self._dimension)
        rows.append(*self._built.rows.alive())
        rows.append(ids, units)
        kind = _kind_for(rows.count)
        index = self._empty(kind, rows.count)
        if kind == "ivf":
            some = TRAINED_ON_PER_LIST * _lists(rows.count)
            index.train(rows.vectors[:: max(1, rows.count // some)])
        index.add(rows.vectors)
        self._built = _Built(rows, kind, index)

    def _empty(self, kind: Kind, count: int) -> Any:
        def made(description: str) -> Any:
            metric = self._faiss.METRIC_INNER_PRODUCT
            return self._faiss.index_factory(self._dimension, description, metric)

        if kind == "hnsw":  # which no GPU has
            graph = made(f"HNSW{HNSW_LINKS},Flat")
            graph.hnsw.efSearch = HNSW_SEARCH
            return graph
        if kind == "flat":
            return self._placed(made("Flat"))
        lists = _lists(count)
        inverted = made(f"IVF{lists},Flat")
        inverted.nprobe = max(8, int(PROBED_SHARE * lists))
        return self._placed(inverted)

    def _placed(self, index: Any) -> Any:
        """On a GPU, where the operator wants that and FAISS has one."""
        if not self._gpu or not self._faiss.get_num_gpus():
            return index
        return self._faiss.index_cpu_to_gpu(self._faiss.StandardGpuResources(), 0, index)


def _kind_for(count: int) -> Kind:
    return "flat" if count < FLAT_BELOW else "hnsw" if count < HNSW_BELOW else "ivf"


def _lists(count: int) -> int:
    return int(LISTS_PER_ROOT * count**0.5)


def _faiss() -> Any:
    try:
        import faiss
    except ImportError as cause:
        raise MissingExtra(
            "FAISS is not installed on the server.",
            'Install it there with: pip install "esm-registry[server,cpu]"',
        ) from cause
    return faiss
