"""From estimates to a top k that is right: score the leaders exactly until nobody can join them."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Exact = Callable[[NDArray[np.intp]], Array]
"""Scores (n,) of the whole pool, NaN but for the given indices."""

SAMPLE = 48
"""Maps from all over the estimates that are scored exactly to see how far these err."""
SURE = 6.0
"""Standard deviations of the error by which a map must stay behind not to be scored exactly."""
WIDER = 3.0
"""The reported margin against the largest error seen: the next one may be larger."""


@dataclass(frozen=True, slots=True)
class Refined:
    """Scores (n,), which of them are exact, and how far the others may be off."""

    scores: Array
    exact: NDArray[np.bool_]
    margin: float


def refine(known: Array, estimates: Array, exact: Exact, top: int) -> Refined:
    """Exact scores of all that may be among the best `top`, corrected estimates of the others.

    known (n,): exact scores, NaN where there are none. estimates (n,): of the others, NaN for
    maps that cannot be scored. What the estimates say of the exact scores is a straight line and
    an error, both fitted to those scored both ways: a sample over the whole range, and the leaders
    themselves. (Scores are regressed on estimates, not compared with them: of leaders, which were
    chosen by their estimates, these are too high.)
    """
    scores = known.copy()
    rough = np.flatnonzero(~np.isnan(estimates) & np.isnan(known))
    order = rough[np.argsort(-estimates[rough])]
    spread = np.linspace(0, len(order) - 1, min(SAMPLE, len(order))).astype(np.intp)
    chosen = np.union1d(order[spread], order[:top])
    done = np.zeros(0, dtype=np.intp)
    while True:
        scores[chosen] = exact(chosen)[chosen]
        done = np.union1d(done, chosen)
        left = np.setdiff1d(order, done)
        if not left.size:
            return Refined(scores, ~np.isnan(scores), 0.0)
        line = _Line.through(estimates[done], scores[done])
        best = np.sort(scores[~np.isnan(scores)])[::-1][:top]
        bar = best[-1] if len(best) == top else -np.inf
        hopeful = left[line(estimates[left]) + SURE * line.error >= bar]
        if not hopeful.size:
            is_exact = ~np.isnan(scores)
            scores[left] = line(estimates[left])
            return Refined(scores, is_exact, WIDER * line.largest)
        ahead = hopeful[np.argsort(-estimates[hopeful])]
        chosen = ahead[: max(top, len(done) // 2)]


@dataclass(frozen=True, slots=True)
class _Line:
    """Scores as a linear function of estimates: the standard deviation of what is left, the largest
    of it."""

    slope: float
    offset: float
    error: float
    largest: float

    @staticmethod
    def through(estimates: Array, scores: Array) -> "_Line":
        usable = ~np.isnan(scores)
        x, y = estimates[usable], scores[usable]
        if len(x) < 3:  # nothing to go by: everything is hopeful
            return _Line(1.0, 0.0, np.inf, np.inf)
        centred = x - x.mean()
        slope = float(centred @ y / max(float(centred @ centred), 1e-300))
        offset = float(y.mean()) - slope * float(x.mean())
        rest = y - (slope * x + offset)
        error = float(np.sqrt(rest @ rest / (len(x) - 2)))
        return _Line(slope, offset, error, float(np.abs(rest).max()))

    def __call__(self, estimates: Array) -> Array:
        return self.slope * estimates + self.offset
