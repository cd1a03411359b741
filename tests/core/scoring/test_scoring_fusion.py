"""Descending ranks against counting, reciprocal rank fusion against a dictionary of ranks."""

import math
from typing import Any

import numpy as np
import pytest
from scipy.stats import rankdata

from esm_client.core.errors import InvalidInput
from esm_client.core.scoring.fusion import OFFSET, descending_ranks, reciprocal_rank_fusion

NAN = math.nan


def by_counting(scores: list[float]) -> list[float]:
    """1 for each higher score, 1/2 for each other equal one, and 1."""
    known = [score for score in scores if not math.isnan(score)]
    return [
        NAN
        if math.isnan(one)
        else 1 + sum(other > one for other in known) + (known.count(one) - 1) / 2
        for one in scores
    ]


def by_dictionary(table: Any, offset: float) -> list[float]:
    fused = dict.fromkeys(range(len(table)), 0.0)
    for method in range(len(table[0])):
        ranks = by_counting([row[method] for row in table])
        for source, rank in enumerate(ranks):
            if not math.isnan(rank):
                fused[source] += 1 / (offset + rank)
    return list(fused.values())


@pytest.mark.parametrize(
    "scores",
    [
        [],
        [3.0],
        [NAN],
        [NAN, NAN],
        [1.0, 1.0, 1.0, 1.0],
        [0.0, -0.0, -1.0],
        [NAN, 2.0, NAN, 2.0, -5.0],
        [math.inf, 1.0, -math.inf, math.inf],
        [5e-324, 0.0, -5e-324, 1e308, -1e308],
        [1.0, 1.0 + 2**-52, 1.0],
    ],
)
def test_ranks_of_hard_scores(scores: list[float]) -> None:
    assert np.array_equal(descending_ranks(scores), by_counting(scores), equal_nan=True)


def test_ranks_equal_counting_and_scipy() -> None:
    rng = np.random.default_rng(0)
    for spread in (2, 10, 10_000):
        scores = rng.integers(-spread, spread, size=101) / 4
        ranks = descending_ranks(scores)
        assert ranks.tolist() == by_counting(scores.tolist())
        assert ranks.tolist() == rankdata(-scores).tolist()
        assert ranks.sum() == 101 * 102 / 2


def test_fusion_by_hand() -> None:
    # Ranks of the first method: 1, 2, 3; of the second, which does not know the last: 2, 1.
    found = reciprocal_rank_fusion([[3.0, 1.0], [2.0, 2.0], [1.0, NAN]])
    assert found == pytest.approx([1 / 61 + 1 / 62, 1 / 62 + 1 / 61, 1 / 63], rel=1e-15)
    # Two that share the ranks 1 and 2 have 3/2 each.
    found = reciprocal_rank_fusion([[7.0], [7.0], [0.0]], offset=0)
    assert found == pytest.approx([2 / 3, 2 / 3, 1 / 3], rel=1e-15)


@pytest.mark.parametrize(("sources", "methods"), [(1, 1), (1, 5), (7, 1), (40, 3), (200, 9)])
@pytest.mark.parametrize("offset", [0, 1, OFFSET, 1e6])
def test_fusion_equals_the_dictionary(sources: int, methods: int, offset: float) -> None:
    rng = np.random.default_rng(sources)
    table = rng.integers(0, 30, size=(sources, methods)).astype(float)
    table[rng.random(size=table.shape) < 0.2] = NAN
    found = reciprocal_rank_fusion(table, offset)
    assert found.shape == (sources,)
    assert found == pytest.approx(by_dictionary(table.tolist(), offset), rel=1e-13)


def test_one_method_keeps_its_order() -> None:
    scores = np.random.default_rng(1).normal(size=50)
    fused = reciprocal_rank_fusion(scores[:, np.newaxis])
    assert fused.argsort().tolist() == scores.argsort().tolist()


def test_scores_that_are_all_equal_tell_no_sources_apart() -> None:
    fused = reciprocal_rank_fusion(np.full((9, 4), 2.5))
    assert fused == pytest.approx(np.full(9, 4 / (OFFSET + 5)), rel=1e-14)
    assert len(set(fused.tolist())) == 1


def test_a_source_that_no_method_knows_has_nothing() -> None:
    table = np.array([[1.0, 2.0], [NAN, NAN], [3.0, 0.0]])
    fused = reciprocal_rank_fusion(table)
    assert fused[1] == 0.0
    assert fused[[0, 2]].tolist() == reciprocal_rank_fusion(table[[0, 2]]).tolist()
    silent = np.column_stack([table, np.full(3, NAN)])
    assert reciprocal_rank_fusion(silent).tolist() == fused.tolist()


def test_no_sources_and_no_methods() -> None:
    assert reciprocal_rank_fusion(np.zeros((0, 3))).tolist() == []
    assert reciprocal_rank_fusion(np.zeros((3, 0))).tolist() == [0.0, 0.0, 0.0]


def test_only_the_order_of_scores_matters() -> None:
    rng = np.random.default_rng(2)
    table = rng.normal(size=(30, 4))
    expected = reciprocal_rank_fusion(table)
    for scale in (1e-6, 1e6):
        assert reciprocal_rank_fusion(table * scale - 3.0).tolist() == expected.tolist()
    assert reciprocal_rank_fusion(np.exp(table)).tolist() == expected.tolist()
    order = rng.permutation(30)
    assert reciprocal_rank_fusion(table[order]).tolist() == expected[order].tolist()
    assert reciprocal_rank_fusion(table[:, ::-1]) == pytest.approx(expected, rel=1e-14)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.int32, np.uint8, bool])
def test_types_of_scores(dtype: Any) -> None:
    table = np.random.default_rng(3).integers(0, 200, size=(12, 3)).astype(dtype)
    found = reciprocal_rank_fusion(table)
    assert found.dtype == np.float64
    assert found == pytest.approx(by_dictionary(table.astype(float).tolist(), OFFSET), rel=1e-14)


def test_inputs_are_not_written() -> None:
    table = np.array([[1.0, NAN], [2.0, 0.0]])
    copy = table.copy()
    table.flags.writeable = False
    reciprocal_rank_fusion(table)
    descending_ranks(table[:, 1])
    assert np.array_equal(table, copy, equal_nan=True)


@pytest.mark.parametrize("scores", [1.0, [1.0, 2.0], np.zeros((2, 2, 2))])
def test_no_table(scores: Any) -> None:
    with pytest.raises(InvalidInput, match="table") as caught:
        reciprocal_rank_fusion(scores)
    assert caught.value.hint


@pytest.mark.parametrize("offset", [-1, -1e-9, NAN])
def test_invalid_offset(offset: float) -> None:
    with pytest.raises(InvalidInput, match="offset"):
        reciprocal_rank_fusion([[1.0], [2.0]], offset)


@pytest.mark.parametrize("scores", [1.0, [[1.0, 2.0]]])
def test_no_row_of_scores(scores: Any) -> None:
    with pytest.raises(InvalidInput, match="one per source"):
        descending_ranks(scores)
