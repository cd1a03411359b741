"""How good a ranking was, once the transfers are known."""

import math
from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from esm_client.core.errors import InvalidInput
from esm_client.core.scoring.features import scaled_to_unit
from esm_client.core.scoring.fusion import descending_ranks

Array = NDArray[np.float64]
Gain = Literal["exponential", "linear"]
"""Of a performance p: 2^(100 p) - 1, as published (Schulte et al. 2024), or p above the worst as a
share of the range."""


def ndcg(scores: ArrayLike, performance: ArrayLike, *, gain: Gain) -> float:
    """Normalised discounted cumulative gain over the whole pool, discount log2(rank + 1).

    scores, performance: (n,), higher is better. Sources with equal scores share the mean of
    their discounts, which is the mean over all orders of them. 1 for a perfect ranking, and where
    all performances are the same. Raises InvalidInput for other shapes, NaN and infinity, an
    unknown gain, and with the exponential one where negative performances leave the ideal no
    positive gain or percents overflow: it wants shares, 0 to 1.

    >>> round(ndcg([3, 2, 1], [0.5, 0.9, 0.7], gain="linear"), 4)
    0.6697
    """
    order, values = _pair(scores, performance)
    with np.errstate(over="ignore"):
        gains = _gains(values, gain)
        ideal = float((np.sort(gains)[::-1] * _discounts(len(gains))).sum())
    if (values == values[0]).all():
        return 1.0  # no order is better than another
    if not 0 < ideal < np.inf:
        raise InvalidInput(
            f"Performances from {values.min():g} to {values.max():g} have no exponential gain.",
            'Pass shares from 0 to 1, or use gain="linear".',
        )
    return float(gains @ _shared(order, _discounts(len(gains))) / ideal)


def regret_at(
    k: int, scores: ArrayLike, performance: ArrayLike, *, without: float | None = None
) -> float:
    """Percent of the best performance that is lost by trying the top k alone (Renggli et al. 2020).

    (best of all - best of the top k) / best of all; k above n tries all. More than 100 where the
    top k are negative. without: the performance with no intermediate task, which then counts
    among all, as in the published code, but not among the k. Of equal scores the first in order
    come first: shuffle the sources beforehand.

    Raises InvalidInput for other shapes, NaN and infinity, k below 1, and a best performance that
    is not positive.

    >>> round(regret_at(1, [3, 2, 1], [0.5, 0.9, 0.7]), 2)
    44.44
    """
    order, values = _pair(scores, performance)
    if k < 1:
        raise InvalidInput(f"k is {k}.", "Use 1 or more.")
    best = float(values.max())
    if without is not None:
        if not math.isfinite(without):
            raise InvalidInput(f"The performance without is {without}.", "Leave it out.")
        best = max(best, float(without))
    if best <= 0:
        raise InvalidInput(f"The best performance is {best:g}.", "Regret needs a positive one.")
    top = np.argsort(-order, kind="stable")[:k]
    return 100.0 * (best - float(values[top].max())) / best


def rank_correlation(scores: ArrayLike, others: ArrayLike) -> float:
    """Spearman's correlation of two arrays (n,); 0 where either is constant.

    Raises InvalidInput for other shapes, NaN and infinity.

    >>> round(rank_correlation([1.0, 2.0, 3.0], [10.0, 30.0, 20.0]), 6)
    0.5
    """
    x, y = (descending_ranks(values) for values in _pair(scores, others))
    x, y = x - x.mean(), y - y.mean()
    norms = float(np.linalg.norm(x) * np.linalg.norm(y))
    return float(x @ y) / norms if norms > 0 else 0.0


def _pair(scores: ArrayLike, performance: ArrayLike) -> tuple[Array, Array]:
    first, second = (np.asarray(values, dtype=np.float64) for values in (scores, performance))
    if first.shape != second.shape or first.ndim != 1 or not first.size:
        raise InvalidInput(
            f"Arrays of shapes {first.shape} and {second.shape} are not one value per source.",
            "Pass two arrays of shape (n,).",
        )
    if not (np.isfinite(first).all() and np.isfinite(second).all()):
        raise InvalidInput(
            "A score or performance is NaN or infinite.", "Leave out sources without either."
        )
    return first, second


def _gains(performance: Array, gain: Gain) -> Array:
    if gain not in get_args(Gain):
        raise InvalidInput(f"{gain!r} is no gain.", 'Use gain="exponential" or gain="linear".')
    if gain == "exponential":
        return np.expm1(100.0 * math.log(2.0) * performance)
    above = scaled_to_unit(performance)
    above = scaled_to_unit(above - above.min())
    return above / max(above.max(), 0.5)  # 0.5 or more, but where all are 0


def _discounts(count: int) -> Array:
    return 1.0 / np.log2(np.arange(count) + 2.0)


def _shared(scores: Array, discounts: Array) -> Array:
    """The discount of each source, equal scores sharing the mean of theirs."""
    order = np.argsort(-scores, kind="stable")
    found = np.empty(len(scores))
    found[order] = discounts
    _, inverse, counts = np.unique(scores, return_inverse=True, return_counts=True)
    return (np.bincount(inverse, weights=found) / counts)[inverse]
