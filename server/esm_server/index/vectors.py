"""Nearest vectors by cosine, over FAISS: flat when small, then a graph, then inverted lists."""

from threading import Lock
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from esm_client.core.errors import MissingExtra

Vectors = NDArray[np.float32]
Ids = NDArray[np.int64]
Kind = Literal["flat", "hnsw", "ivf"]

FLAT_BELOW = 50_000
"""Vectors up to which looking at every one is fast enough and always right."""
HNSW_BELOW = 500_000
"""Vectors up to which a graph is built; beyond it inverted lists take less memory and time."""
HNSW_LINKS, HNSW_SEARCH = 32, 128
LISTS_PER_ROOT, PROBED_SHARE = 4, 0.02
TRAINED_ON = 100_000
REBUILD_SHARE = 0.2
"""Of removed vectors in a graph, which cannot forget them, from which on it is built anew."""


class VectorIndex:
    """Vectors (n, d) by id; safe to use from several threads."""

    def __init__(self, dimension: int, *, gpu: bool = False) -> None:
        """An empty index; raises MissingExtra without FAISS."""
        self._faiss = _faiss()
        self._dimension, self._gpu = dimension, gpu
        self._lock = Lock()
        self._removed: set[int] = set()
        self.kind: Kind = "flat"
        self._index = self._empty("flat", 0)

    def __len__(self) -> int:
        return int(self._index.ntotal) - len(self._removed)

    def add(self, ids: Ids, vectors: Vectors) -> None:
        """Put in vectors (n, d) under new ids; a vector of zeros is near to nothing."""
        if not len(ids):
            return
        with self._lock:
            grown = len(self) + len(ids)
            if _kind_for(grown) != self.kind:
                held = self._held()
                self._build(np.concatenate([held[0], ids]), np.vstack([held[1], _unit(vectors)]))
            else:
                self._index.add_with_ids(_unit(vectors), ids)

    def remove(self, ids: Ids) -> None:
        """Forget vectors; unknown ids are left alone."""
        with self._lock:
            if self.kind != "hnsw":
                self._index.remove_ids(ids)
                return
            known = set(self._faiss.vector_to_array(self._index.id_map).tolist())
            self._removed |= known & set(ids.tolist())
            if len(self._removed) > REBUILD_SHARE * self._index.ntotal:
                self._build(*self._held())

    def search(self, vector: Vectors, count: int) -> tuple[Ids, Vectors]:
        """Ids and cosines of the nearest to a vector (d,), best first; fewer where there are."""
        with self._lock:
            wanted = min(count + len(self._removed), int(self._index.ntotal))
            if not wanted:
                return np.zeros(0, np.int64), np.zeros(0, np.float32)
            cosines, ids = self._index.search(_unit(vector[np.newaxis]), wanted)
            kept = [i != -1 and i not in self._removed for i in ids[0].tolist()]
        return ids[0][kept][:count], cosines[0][kept][:count]

    def vector(self, one: int) -> Vectors | None:
        """The vector (d,) of an id, scaled to length one; None for an unknown id."""
        with self._lock:
            if one in self._removed:
                return None
            try:
                if self.kind == "ivf":
                    self._faiss.downcast_index(self._index).make_direct_map(
                        True, self._faiss.DirectMap.Hashtable
                    )
                return self._index.reconstruct(one)
            except RuntimeError:
                return None

    def _held(self) -> tuple[Ids, Vectors]:
        index = self._index
        count = int(index.ntotal)
        if not count:
            return np.zeros(0, np.int64), np.zeros((0, self._dimension), np.float32)
        if self.kind == "ivf":
            inner = self._faiss.downcast_index(index)
            inner.make_direct_map()
            ids = np.concatenate(
                [_ids_of_list(self._faiss, inner, number) for number in range(inner.nlist)]
            )
            return ids, np.stack([inner.reconstruct(int(i)) for i in ids])
        ids = self._faiss.vector_to_array(index.id_map)
        vectors = index.index.reconstruct_n(0, count)
        kept = np.array([i not in self._removed for i in ids.tolist()], dtype=np.bool_)
        return ids[kept], vectors[kept]

    def _build(self, ids: Ids, vectors: Vectors) -> None:
        self.kind = _kind_for(len(ids))
        fresh = self._empty(self.kind, len(ids))
        if self.kind == "ivf":
            step = max(1, len(vectors) // TRAINED_ON)
            fresh.train(vectors[::step])
        fresh.add_with_ids(vectors, ids)
        self._index, self._removed = fresh, set()

    def _empty(self, kind: Kind, count: int) -> Any:
        faiss, inner = self._faiss, self._faiss.METRIC_INNER_PRODUCT
        if kind == "flat":
            return self._placed(faiss.IndexIDMap2(faiss.IndexFlatIP(self._dimension)))
        if kind == "hnsw":
            graph = faiss.IndexHNSWFlat(self._dimension, HNSW_LINKS, inner)
            graph.hnsw.efSearch = HNSW_SEARCH
            return faiss.IndexIDMap2(graph)
        lists = int(LISTS_PER_ROOT * count**0.5)
        coarse = faiss.IndexFlatIP(self._dimension)
        inverted = faiss.IndexIVFFlat(coarse, self._dimension, lists, inner)
        inverted.own_fields, _ = True, coarse.this.disown()
        inverted.nprobe = max(8, int(PROBED_SHARE * lists))
        return self._placed(inverted)

    def _placed(self, index: Any) -> Any:
        """On a GPU, where the operator wants that and FAISS has one."""
        if not self._gpu or not self._faiss.get_num_gpus():
            return index
        return self._faiss.index_cpu_to_gpu(self._faiss.StandardGpuResources(), 0, index)


def _kind_for(count: int) -> Kind:
    return "flat" if count < FLAT_BELOW else "hnsw" if count < HNSW_BELOW else "ivf"


def _ids_of_list(faiss: Any, inverted: Any, number: int) -> Ids:
    lists = inverted.invlists
    size = lists.list_size(number)
    return faiss.rev_swig_ptr(lists.get_ids(number), size).copy() if size else np.zeros(0, np.int64)


def _unit(vectors: Vectors) -> Vectors:
    wide = np.ascontiguousarray(vectors, dtype=np.float32)
    norms = np.linalg.norm(wide, axis=1, keepdims=True)
    return (wide / np.where(norms > 0.0, norms, 1.0)).astype(np.float32)


def _faiss() -> Any:
    try:
        import faiss
    except ImportError as cause:
        raise MissingExtra(
            "FAISS is not installed on the server.",
            'Install it there with: pip install "esm-registry[server,cpu]"',
        ) from cause
    return faiss
