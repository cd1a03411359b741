"""Nearest vectors, in every kind of index, while vectors come and go."""

from concurrent.futures import ThreadPoolExecutor
from threading import Event

import numpy as np
import pytest

from esm_server.index import vectors
from esm_server.index.space import SpaceIndex
from esm_server.index.vectors import VectorIndex


@pytest.fixture(name="kind", params=["flat", "hnsw", "ivf"])
def _kind(request, monkeypatch):
    """Thresholds that make an index of 400 vectors be of this kind."""
    flat, graph = {"flat": (10_000, 20_000), "hnsw": (50, 10_000), "ivf": (50, 100)}[request.param]
    monkeypatch.setattr(vectors, "FLAT_BELOW", flat)
    monkeypatch.setattr(vectors, "HNSW_BELOW", graph)
    return request.param


def some(count, dimension=24, seed=0):
    return np.random.default_rng(seed).standard_normal((count, dimension)).astype(np.float32)


def by_hand(held, query, count):
    ids = np.array(sorted(held))
    matrix = np.stack([held[i] for i in ids])
    cosines = matrix @ query / np.linalg.norm(matrix, axis=1) / np.linalg.norm(query)
    return ids[np.argsort(-cosines)][:count].tolist()


def test_neighbours_through_adding_and_removing(kind):
    index, held = VectorIndex(24), {}
    rng = np.random.default_rng(1)
    for step in range(4):
        ids = np.arange(100 * step, 100 * (step + 1)) + 7
        new = some(100, seed=step)
        index.add(ids, new)
        held |= dict(zip(ids.tolist(), new, strict=True))
        gone = rng.choice(sorted(held), 40, replace=False)
        index.remove(gone)
        for one in gone.tolist():
            del held[one]
        assert len(index) == len(held)
    assert index.kind == kind
    found = 0
    for query in some(50, seed=99):
        ids, cosines = index.search(query, 5)
        assert set(ids.tolist()) <= set(held)
        assert (np.diff(cosines) <= 1e-6).all()
        found += len(set(ids.tolist()) & set(by_hand(held, query, 5)))
    assert found >= {"flat": 250, "hnsw": 240, "ivf": 110}[kind]  # lists are few and small here


def test_what_is_removed_and_added_again_is_found(kind):
    index, matrix = VectorIndex(24), some(400)
    index.add(np.arange(400), matrix)
    index.remove(np.array([7]))
    assert np.isnan(index.vectors(np.array([7]))).all()
    assert 7 not in index.search(matrix[7], 3)[0]
    index.add(np.array([7]), matrix[7:8])
    assert index.search(matrix[7], 1)[0].tolist() == [7]
    index.remove(np.arange(100, 200))  # enough for everything to be built anew
    assert index.kind == kind
    assert index.search(matrix[7], 1)[0].tolist() == [7]
    assert len(index) == 300


def test_the_vector_of_an_id_is_the_last_it_was_given(kind):
    index, matrix = VectorIndex(24), some(400)
    index.add(np.arange(400), matrix)
    index.add(np.array([3, 1000]), np.stack([matrix[3] * 1e36, np.zeros(24, np.float32)]))
    index.add(np.array([5]), matrix[6:7])
    assert index.kind == kind
    assert len(index) == 401
    units = matrix / np.linalg.norm(matrix, axis=1, keepdims=True)
    given = index.vectors(np.array([3, 5, 1000, 2000]))
    np.testing.assert_allclose(given[:2], units[[3, 6]], atol=1e-6)
    assert not given[2].any()
    assert np.isnan(given[3]).all()


def test_an_index_shrinks_and_grows_through_all_kinds(monkeypatch):
    monkeypatch.setattr(vectors, "FLAT_BELOW", 100)
    monkeypatch.setattr(vectors, "HNSW_BELOW", 200)
    index, matrix = VectorIndex(24), some(300)
    for alive, kind in ((300, "ivf"), (150, "hnsw"), (50, "flat"), (0, "flat"), (300, "ivf")):
        held = len(index)
        index.remove(np.arange(alive, 300))
        index.add(np.arange(held, alive), matrix[held:alive])
        assert (index.kind, len(index)) == (kind, alive)
        own = [index.search(matrix[one], 1)[0].tolist() == [one] for one in range(alive)]
        assert np.mean(own or [1.0]) > 0.95


@pytest.mark.parametrize("count", [1, 60, 350, 5000])
def test_what_was_removed_takes_no_place_of_others(kind, count, monkeypatch):
    """The nearest sixty are gone, which is not enough for building anew."""
    monkeypatch.setattr(vectors, "WIDEST", 200)
    index, matrix = VectorIndex(24), some(400)
    index.add(np.arange(400), matrix)
    held = dict(enumerate(matrix))
    for one in by_hand(held, matrix[0], 60):
        index.remove(np.array([one]))
        del held[one]
    ids, _ = index.search(matrix[0], count)
    assert len(ids) == min(count, 340)
    if count > 200:
        assert ids.tolist() == by_hand(held, matrix[0], count)


def test_searches_go_on_while_an_index_is_built_anew(kind, monkeypatch):
    index, matrix = VectorIndex(24), some(400)
    index.add(np.arange(400), matrix)
    building, go_on, empty = Event(), Event(), index._empty

    def slow(*arguments):
        building.set()
        assert go_on.wait(30)
        return empty(*arguments)

    monkeypatch.setattr(index, "_empty", slow)
    with ThreadPoolExecutor(1) as other:
        removal = other.submit(index.remove, np.arange(100, 300))
        assert building.wait(30)
        assert index.search(matrix[5], 1)[0].tolist() == [5]
        assert 150 not in index.search(matrix[150], 400)[0]
        go_on.set()
        removal.result(30)
    assert index.search(matrix[5], 1)[0].tolist() == [5]


def test_a_gpu_is_given_what_it_has(kind, monkeypatch):
    """Only FAISS with a GPU has the call; what it returns adds, trains, searches, no more."""
    placed = []

    class OnGpu:
        def __init__(self, index):
            self.add, self.train = index.add, index.train
            self._index = index

        def search(self, query, count):
            assert count <= 2048
            return self._index.search(query, count)

    def index_cpu_to_gpu(resources, device, index):
        placed.append((resources, device, type(index).__name__))
        return OnGpu(index)

    faiss = pytest.importorskip("faiss")
    monkeypatch.setattr(faiss, "get_num_gpus", lambda: 1)
    monkeypatch.setattr(faiss, "StandardGpuResources", lambda: "resources", raising=False)
    monkeypatch.setattr(faiss, "index_cpu_to_gpu", index_cpu_to_gpu, raising=False)
    index, matrix = VectorIndex(24, gpu=True), some(3000)
    index.add(np.arange(400), matrix[:400])
    index.remove(np.arange(200))
    index.add(np.arange(400, 3000), matrix[400:])
    assert len(index.search(matrix[0], 2500)[0]) == 2500
    assert len(index.vectors(np.arange(10))) == 10
    names = {name for _, _, name in placed}
    assert names == ({"IndexFlat", "IndexIVFFlat"} if kind == "ivf" else {"IndexFlat"})


def test_searches_while_others_add(kind):
    index = VectorIndex(24)
    index.add(np.arange(300), some(300))
    query = some(1, seed=5)[0]

    def work(number):
        if number % 4 == 0:
            index.add(np.array([1000 + number]), some(1, seed=number))
        return len(index.search(query, 3)[0])

    with ThreadPoolExecutor(8) as several:
        assert set(several.map(work, range(200))) == {3}
    assert len(index) == 350


def test_fewer_than_asked_for_and_none():
    index = VectorIndex(4)
    assert index.search(np.ones(4, np.float32), 3)[0].tolist() == []
    index.add(np.array([5]), np.ones((1, 4), np.float32))
    assert index.search(np.ones(4, np.float32), 3)[0].tolist() == [5]
    index.remove(np.array([5, 6]))
    assert len(index) == 0


def test_a_space_holds_what_is_live_and_loads_only_what_is_new():
    matrix, asked = some(6), []

    def load(versions):
        asked.append(list(versions))
        ids = np.array(versions, dtype=np.int64)
        return {"map": (ids, matrix[ids]), "text": (ids[:0], matrix[:0])}

    index = SpaceIndex()
    index.follow([0, 1, 2], load)
    index.follow([1, 2, 4], load)
    assert asked == [[0, 1, 2], [4]]
    assert {version for version, _ in index.nearest("map", matrix[0], 9)} == {1, 2, 4}
    assert index.nearest("map", matrix[4], 1) == [(4, pytest.approx(1.0, abs=1e-6))]
    assert index.nearest("text", matrix[0], 3) == []
