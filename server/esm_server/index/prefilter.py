"""Which maps of a large pool to score: random landmarks first, then neighbours of the best.

The score is a smooth function of the map, so what lies near a good map is worth a look. Landmarks
are drawn at random, so that every part of the pool has its chance, and a pool whose best maps lie
alone is searched as well as chance does.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from esm_server.index.rows import Vectors
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
        self._index = index
        self._budget = min(len(versions), max(AROUND, int(np.ceil(share * len(versions)))))
        self._order = np.random.default_rng(seed).permutation(len(versions))
        self._chosen = np.zeros(len(versions), dtype=np.bool_)
        self._vectors: Vectors | None = None

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
        """What has the highest cosine to one of the best, then what has no vector, by chance.

        One product over the pool: so many neighbours take longer to find in any index.
        """
        if self._vectors is None:
            self._vectors = self._index.vectors("map", self._versions)
        best = np.argsort(np.where(np.isnan(scores), np.inf, -scores))[:AROUND]
        left = self._order[~self._chosen[self._order]]
        cosines = np.fmax.reduce(self._vectors[best] @ self._vectors.T, axis=0)[left]
        return left[np.argpartition(-cosines, count - 1)[:count]]  # NaN comes last


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
