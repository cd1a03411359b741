"""NDCG, regret and rank correlation against enumeration, and their errors."""

import itertools
import math
from collections.abc import Iterator
from typing import Any

import mpmath
import numpy as np
import pytest
from scipy.stats import spearmanr

from esm_client.core.errors import InvalidInput
from esm_client.core.scoring.quality import ndcg, rank_correlation, regret_at

NAN, INF = math.nan, math.inf


@pytest.fixture(autouse=True)
def _digits() -> Iterator[None]:
    with mpmath.workdps(50):
        yield


def gains_of(performance: list[float], gain: str) -> list[Any]:
    if gain == "exponential":
        return [mpmath.mpf(2) ** (100 * mpmath.mpf(p)) - 1 for p in performance]
    worst, best = min(performance), max(performance)
    return [(p - worst) / (best - worst) for p in performance]


def by_permutations(scores: list[float], performance: list[float], gain: str) -> float:
    """The mean over every order that puts no lower score before a higher one."""
    gains = gains_of(performance, gain)

    def discounted(order: Any) -> Any:
        return sum(gains[i] / mpmath.log(rank + 1, 2) for rank, i in enumerate(order, start=1))

    sources = range(len(scores))
    orders = [
        order
        for order in itertools.permutations(sources)
        if all(scores[a] >= scores[b] for a, b in itertools.pairwise(order))
    ]
    ideal = max(discounted(order) for order in itertools.permutations(sources))
    return float(sum(discounted(order) for order in orders) / len(orders) / ideal)


def by_enumeration(
    k: int, scores: list[float], performance: list[float], without: float | None = None
) -> float:
    order = sorted(range(len(scores)), key=lambda i: (-scores[i], i))
    tried = [performance[i] for i in order[:k]]
    best = max(performance + ([] if without is None else [without]))
    return 100 * (best - max(tried)) / best


def test_ndcg_by_hand() -> None:
    # The gains of 0.01, 0.02 and 0.03 are 2 - 1, 4 - 1 and 8 - 1; the ranking puts 3 first, then
    # 7, then 1; log2 of 2, 3 and 4 is 1, log2(3) and 2.
    expected = (3 + 7 / math.log2(3) + 1 / 2) / (7 + 3 / math.log2(3) + 1 / 2)
    found = ndcg([1, 9, 5], [0.01, 0.02, 0.03], gain="exponential")
    assert found == pytest.approx(expected, rel=1e-13)
    # Linear gains are 0, 1/2 and 1.
    expected = (1 / 2 + 1 / math.log2(3)) / (1 + 1 / 2 / math.log2(3))
    assert ndcg([1, 9, 5], [0.01, 0.02, 0.03], gain="linear") == pytest.approx(expected, rel=1e-13)


@pytest.mark.parametrize("gain", ["exponential", "linear"])
@pytest.mark.parametrize("levels", [1, 2, 3, 100])
def test_ndcg_is_the_mean_over_all_orders_of_equal_scores(gain: Any, levels: int) -> None:
    rng = np.random.default_rng(levels)
    for count in (2, 3, 4, 5, 6):
        scores = rng.integers(0, levels, size=count) / 7 - 1
        performance = rng.uniform(0, 1, size=count).round(2)
        performance[-1] = performance[0]  # equal performances too
        performance[1] += 0.005
        found = ndcg(scores, performance, gain=gain)
        expected = by_permutations(scores.tolist(), performance.tolist(), gain)
        assert found == pytest.approx(expected, rel=1e-11)


def test_ndcg_of_tiny_performances_keeps_its_digits() -> None:
    performance = [1e-12, 3e-12, 2e-12]
    expected = by_permutations([1.0, 2.0, 3.0], performance, "exponential")
    found = ndcg([1.0, 2.0, 3.0], performance, gain="exponential")
    assert found == pytest.approx(expected, rel=1e-13)


@pytest.mark.parametrize("gain", ["exponential", "linear"])
def test_ndcg_of_perfect_worst_and_other_orders(gain: Any) -> None:
    performance = np.random.default_rng(1).permutation(np.linspace(0.1, 0.9, 40))
    perfect = ndcg(performance, performance, gain=gain)
    assert perfect == pytest.approx(1.0, rel=1e-14)
    worst = ndcg(-performance, performance, gain=gain)
    nothing = ndcg(np.zeros(40), performance, gain=gain)
    assert 0 < worst < nothing < perfect


@pytest.mark.parametrize("gain", ["exponential", "linear"])
@pytest.mark.parametrize("value", [0.0, 0.1, 0.9, -0.2])
def test_ndcg_where_all_performances_are_the_same(gain: Any, value: float) -> None:
    for scores in ([1, 2, 3], [1, 1, 1]):
        assert ndcg(scores, [value] * 3, gain=gain) == 1.0
    assert ndcg([5], [value], gain=gain) == 1.0


def test_ndcg_of_negative_performances() -> None:
    scores, performance = [3.0, 1.0, 2.0], [-0.3, 0.05, 0.4]
    for gain in ("linear", "exponential"):
        found = ndcg(scores, performance, gain=gain)  # type: ignore[arg-type]
        assert found == pytest.approx(by_permutations(scores, performance, gain), rel=1e-12)
    found = ndcg(scores, [-0.3, -0.1, -0.2], gain="linear")
    assert found == pytest.approx(by_permutations(scores, [-0.3, -0.1, -0.2], "linear"), rel=1e-12)
    for worse in ([-0.3, -0.1, -0.2], [-0.3, 0.0, 0.0], [-0.3, 0.001, -0.3]):
        with pytest.raises(InvalidInput, match="no exponential gain"):
            ndcg(scores, worse, gain="exponential")


def test_percents_have_no_exponential_gain() -> None:
    for performance in ([85.0, 70.0], [10.239, 10.239 - 1e-9], [1e308, -1e308]):
        with pytest.raises(InvalidInput, match="shares from 0 to 1"):
            ndcg([1, 2], performance, gain="exponential")


@pytest.mark.parametrize("scale", [1e-306, 1e-6, 1e6, 1e308])
def test_linear_ndcg_depends_on_neither_scale_nor_shift(scale: float) -> None:
    rng = np.random.default_rng(2)
    scores, performance = rng.normal(size=12), rng.uniform(-1, 1, size=12)
    expected = ndcg(scores, performance, gain="linear")
    found = ndcg(scores, performance * scale, gain="linear")
    assert found == pytest.approx(expected, rel=1e-12)
    assert ndcg(scores, performance + 5.0, gain="linear") == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("gain", ["exponential", "linear"])
def test_ndcg_depends_on_neither_order_nor_scale_of_scores(gain: Any) -> None:
    rng = np.random.default_rng(3)
    scores, performance = rng.integers(0, 5, size=20) / 3, rng.uniform(size=20)
    expected = ndcg(scores, performance, gain=gain)
    order = rng.permutation(20)
    for first, second in (
        (scores[order], performance[order]),
        (scores * 1e-6, performance),
        (np.exp(scores * 1e2), performance),
    ):
        assert ndcg(first, second, gain=gain) == pytest.approx(expected, rel=1e-13)


def test_regret_by_hand() -> None:
    # The first tried has 0.6, the second 0.8, of 0.8 at best: 1/4 is lost, then nothing.
    assert regret_at(1, [9, 5, 7], [0.6, 0.5, 0.8]) == pytest.approx(25.0)
    assert regret_at(2, [9, 5, 7], [0.6, 0.5, 0.8]) == 0.0
    # Without any source 1.0: 0.4 and 0.2 of it are lost.
    assert regret_at(1, [9, 5, 7], [0.6, 0.5, 0.8], without=1.0) == pytest.approx(40.0)
    assert regret_at(3, [9, 5, 7], [0.6, 0.5, 0.8], without=1.0) == pytest.approx(20.0)


@pytest.mark.parametrize("levels", [1, 3, 1000])
def test_regret_equals_enumeration(levels: int) -> None:
    rng = np.random.default_rng(levels)
    for count in (1, 2, 5, 30):
        scores = rng.integers(0, levels, size=count) - levels / 2
        performance = rng.uniform(-0.5, 1, size=count)
        performance[rng.integers(count)] = 0.75
        for k, without in itertools.product((1, 2, 3, count, count + 7), (None, -0.5, 0.0, 2.0)):
            found = regret_at(k, scores, performance, without=without)
            expected = by_enumeration(k, scores.tolist(), performance.tolist(), without)
            assert found == pytest.approx(expected, rel=1e-12, abs=1e-12)


def test_regret_falls_with_k_to_nothing() -> None:
    rng = np.random.default_rng(4)
    scores, performance = rng.normal(size=25), rng.uniform(size=25)
    regrets = [regret_at(k, scores, performance) for k in range(1, 40)]
    assert regrets == sorted(regrets, reverse=True)
    assert regrets[24:] == [0.0] * 15


def test_regret_of_equal_scores_takes_the_first() -> None:
    assert regret_at(1, [1, 1, 1], [0.5, 1.0, 0.0]) == 50.0
    assert regret_at(1, [1, 1, 1], [0.0, 1.0, 0.5]) == 100.0
    assert regret_at(2, [1, 1, 1], [0.7] * 3) == 0.0


def test_regret_of_a_negative_choice_is_more_than_all() -> None:
    assert regret_at(1, [2, 1], [-0.5, 0.5]) == 200.0


@pytest.mark.parametrize("scale", [1e-6, 1e6])
def test_regret_does_not_depend_on_scale(scale: float) -> None:
    rng = np.random.default_rng(5)
    scores, performance = rng.normal(size=25), rng.uniform(size=25)
    for k in (1, 3):
        expected = regret_at(k, scores, performance)
        found = regret_at(k, scores * scale, performance * scale)
        assert found == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("k", [0, -1])
def test_regret_of_nothing_tried(k: int) -> None:
    with pytest.raises(InvalidInput, match=f"k is {k}"):
        regret_at(k, [1, 2], [0.5, 0.6])


def test_regret_needs_a_positive_best() -> None:
    for performance in ([0.0, -0.1], [-0.2, -0.1]):
        with pytest.raises(InvalidInput, match="positive"):
            regret_at(1, [1, 2], performance)
    assert regret_at(1, [1, 2], [0.0, -0.1], without=0.1) == pytest.approx(200.0)
    for without in (NAN, INF, -INF):
        with pytest.raises(InvalidInput, match="without"):
            regret_at(1, [1, 2], [0.5, 0.6], without=without)


@pytest.mark.parametrize("levels", [2, 5, 10_000])
def test_rank_correlation_equals_scipy(levels: int) -> None:
    rng = np.random.default_rng(levels)
    for count in (3, 10, 101):
        x, y = rng.integers(0, levels, size=(2, count)) - levels / 2
        x[0], x[1], y[0], y[1] = -1, 9, 3, -7
        assert rank_correlation(x, y) == pytest.approx(spearmanr(x, y).statistic, abs=1e-13)


def test_rank_correlation_of_equal_opposite_and_constant_arrays() -> None:
    x = np.random.default_rng(6).normal(size=30)
    assert rank_correlation(x, np.exp(1e2 * x)) == pytest.approx(1.0, rel=1e-14)
    assert rank_correlation(x, -1e-6 * x) == pytest.approx(-1.0, rel=1e-14)
    for constant in (0.0, 0.1, -1e300):
        assert rank_correlation(x, np.full(30, constant)) == 0.0
        assert rank_correlation(np.full(30, constant), x) == 0.0
    assert rank_correlation([2.0], [3.0]) == 0.0


MEASURES = [
    lambda x, y: ndcg(x, y, gain="exponential"),
    lambda x, y: ndcg(x, y, gain="linear"),
    lambda x, y: regret_at(1, x, y),
    rank_correlation,
]


@pytest.mark.parametrize("measure", MEASURES)
@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_low_precision_is_computed_in_float64(measure: Any, dtype: Any) -> None:
    x, y = np.random.default_rng(7).uniform(size=(2, 15)).astype(dtype)
    assert measure(x, y) == measure(x.astype(np.float64), y.astype(np.float64))


@pytest.mark.parametrize("measure", MEASURES)
def test_inputs_are_not_written(measure: Any) -> None:
    x, y = np.random.default_rng(8).uniform(size=(2, 15))
    copies = x.copy(), y.copy()
    x.flags.writeable = y.flags.writeable = False
    measure(x, y)
    assert np.array_equal(x, copies[0])
    assert np.array_equal(y, copies[1])


@pytest.mark.parametrize("measure", MEASURES)
@pytest.mark.parametrize(
    ("scores", "performance"),
    [
        ([1.0, 2.0], [0.5]),
        ([], []),
        (1.0, 0.5),
        ([[1.0], [2.0]], [[0.5], [0.6]]),
        ([1.0, NAN], [0.5, 0.6]),
        ([1.0, -INF], [0.5, 0.6]),
        ([1.0, 2.0], [NAN, 0.6]),
        ([1.0, 2.0], [INF, 0.6]),
    ],
)
def test_invalid_arrays(measure: Any, scores: Any, performance: Any) -> None:
    with pytest.raises(InvalidInput) as caught:
        measure(scores, performance)
    assert caught.value.hint


def test_unknown_gain() -> None:
    with pytest.raises(InvalidInput, match="cubic"):
        ndcg([1, 2], [0.5, 0.6], gain="cubic")  # type: ignore[arg-type]
