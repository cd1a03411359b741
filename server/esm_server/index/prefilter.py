"""Which maps of a large pool to score: random landmarks first, then neighbours of the best.

The score is a smooth function of the map, so what lies near a good map is worth a look. Landmarks
are drawn at random, so that every part of the pool has its chance, and a pool whose best maps lie
alone is searched as well as chance does.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from esm_server.index.space import SpaceIndex

Indices = NDArray[np.intp]

SHARE = 0.3
"""Of the pool that is scored: tests/bench/prefilter.py shows the recall this gives."""
LANDMARKS = 0.5
"""Of that share, the part that is drawn at random."""
AROUND = 5
"""The neighbours of so many of the best are looked at."""
ROUNDS = 20
"""In about so many steps, each of which knows the scores of those before."""


class Prefilter:
    """Chooses step by step from the members of a pool, given as version ids."""

    def __init__(
        self, versions: Sequence[int], index: SpaceIndex, share: float = SHARE, seed: int = 0
    ) -> None:
        self._versions = np.asarray(versions, dtype=np.int64)
        self._place = {version: place for place, version in enumerate(versions)}
        self._index = index
        self._budget = max(AROUND, int(np.ceil(share * len(versions))))
        self._order = np.random.default_rng(seed).permutation(len(versions))
        self._chosen = np.zeros(len(versions), dtype=np.bool_)

    def __call__(self, scores: NDArray[np.float64]) -> Indices:
        """What to score next, given the scores so far (n,), NaN for none; empty for enough."""
        left = self._budget - int(self._chosen.sum())
        if left <= 0:
            return np.zeros(0, dtype=np.intp)
        if not self._chosen.any():
            chosen = self._order[: max(AROUND, int(LANDMARKS * self._budget))]
        else:
            chosen = self._near(scores, min(left, max(AROUND, self._budget // ROUNDS)))
        self._chosen[chosen] = True
        return np.sort(chosen)

    def _near(self, scores: NDArray[np.float64], count: int) -> Indices:
        best = np.argsort(np.where(np.isnan(scores), np.inf, -scores))[:AROUND]
        found: dict[int, float] = {}
        for place in best.tolist():
            wanted = count + int(self._chosen.sum())
            for version, cosine in self._index.around("map", int(self._versions[place]), wanted):
                other = self._place.get(version)
                if other is not None and not self._chosen[other]:
                    found[other] = max(cosine, found.get(other, -1.0))
        near = sorted(found, key=lambda place: -found[place])[:count]
        rest = (place for place in self._order.tolist() if not self._chosen[place])
        missing = count - len(near)
        near += [place for place in rest if place not in found][:missing]
        return np.array(near, dtype=np.intp)


def recall(scores: NDArray[np.float64], chosen: Indices, top: int = 5) -> float:
    """Share of the `top` best of a fully scored pool that were among the chosen."""
    best = np.argsort(np.where(np.isnan(scores), np.inf, -scores))[:top]
    return float(np.isin(best, chosen).mean())


def audited(prefilter: Prefilter, scores: NDArray[np.float64], top: int = 5) -> float:
    """The recall a prefilter would have had, where all scores are known."""
    seen = np.full(len(scores), np.nan)
    while (chosen := prefilter(seen)).size:
        seen[chosen] = scores[chosen]
    return recall(scores, np.flatnonzero(~np.isnan(seen)), top)
