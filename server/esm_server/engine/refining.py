"""From estimates to a top k that is right: score the leaders exactly until nobody can join them."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Exact = Callable[[NDArray[np.intp]], Array]
"""Scores (n,) of the whole pool, NaN but for the given indices."""

SAMPLE = 24
"""Maps from all over the estimates that are scored exactly to see how far these err."""
WIDER = 3.0
"""The margin against the largest error seen: the next one may be larger."""


@dataclass(frozen=True, slots=True)
class Refined:
    """Scores (n,), which of them are exact, and how far the others may be off."""

    scores: Array
    exact: NDArray[np.bool_]
    margin: float


def refine(known: Array, estimates: Array, exact: Exact, top: int) -> Refined:
    """Exact scores of all that may be among the best `top`, the estimates of the others.

    known (n,): exact scores, NaN where there are none. estimates (n,): of the others, NaN for
    maps that cannot be scored. Estimates err by a common shift and a rest; both are measured on
    those scored both ways: a sample over the whole range, and the leaders themselves.
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
        errors = scores[done] - estimates[done]
        errors = errors[~np.isnan(errors)]
        shift = float(errors.mean()) if errors.size else 0.0
        margin = WIDER * float(np.abs(errors - shift).max()) if errors.size else 0.0
        left = np.setdiff1d(order, done)
        if not left.size:
            return Refined(scores, ~np.isnan(scores), 0.0)
        best = np.sort(scores[~np.isnan(scores)])[::-1][:top]
        bar = best[-1] if len(best) == top else -np.inf
        hopeful = left[estimates[left] + shift + margin >= bar]
        if not hopeful.size:
            is_exact = ~np.isnan(scores)
            scores[left] = estimates[left] + shift
            return Refined(scores, is_exact, margin)
        ahead = hopeful[np.argsort(-estimates[hopeful])]
        chosen = ahead[: max(top, len(done))]
