"""Nearest vectors, in every kind of index, while vectors come and go."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from esm_server.index import vectors
from esm_server.index.prefilter import Prefilter, audited, recall
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


def test_a_prefilter_finds_the_best_of_a_pool_with_families():
    """Maps come in families of like score; landmarks find a good one, neighbours the rest."""
    rng = np.random.default_rng(3)
    centres = some(60, seed=8)
    family = np.repeat(np.arange(60), 20)
    matrix = centres[family] + 0.1 * some(1200, seed=9)
    scores = rng.standard_normal(60)[family] + 0.01 * rng.standard_normal(1200)
    index = SpaceIndex()
    versions = [int(v) for v in rng.permutation(5000)[:1200]]
    table = dict(zip(versions, matrix, strict=True))
    index.follow(
        versions, lambda new: {"map": (np.array(new), np.stack([table[one] for one in new]))}
    )
    prefilter = Prefilter(versions, index, share=0.2)
    asked = []
    seen = np.full(1200, np.nan)
    while (chosen := prefilter(seen)).size:
        asked += chosen.tolist()
        seen[chosen] = scores[chosen]
    assert len(asked) == len(set(asked)) == 240
    assert recall(scores, np.array(asked)) == 1.0
    assert audited(Prefilter(versions, index, share=0.2), scores) == 1.0
    assert recall(scores, np.arange(0)) == 0.0
