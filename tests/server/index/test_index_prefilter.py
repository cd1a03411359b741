"""Choosing from a pool step by step."""

import numpy as np

from esm_server.index.prefilter import Prefilter, audited, recall
from esm_server.index.space import SpaceIndex


def some(count, seed):
    return np.random.default_rng(seed).standard_normal((count, 24)).astype(np.float32)


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


def test_members_without_a_vector_come_last_and_come():
    matrix = np.concatenate([np.ones((12, 4)), -np.ones((4, 4))]).astype(np.float32)
    index = SpaceIndex()
    index.follow(range(20), lambda new: {"map": (np.arange(16), matrix)})
    prefilter = Prefilter(range(20), index, share=1.0)
    seen, asked = np.full(20, np.nan), []
    while (chosen := prefilter(seen)).size:
        seen[chosen] = -chosen.astype(np.float64)
        asked += chosen.tolist()
    assert sorted(asked) == list(range(20))
    known = [one < 16 for one in asked[10:]]  # half were landmarks
    assert known == sorted(known, reverse=True)


def test_a_pool_without_vectors_is_searched_by_chance():
    prefilter = Prefilter(range(50), SpaceIndex(), share=0.5)
    scores = np.random.default_rng(0).standard_normal(50)
    assert 0.0 <= audited(prefilter, scores) <= 1.0
    assert audited(Prefilter(range(3), SpaceIndex()), scores[:3]) == 1.0
    assert Prefilter([], SpaceIndex())(np.zeros(0)).size == 0
