"""A quick estimate of a full map's score, from a few of the target's directions.

Of the target's k directions the first are taken as they are, and the rest, where all are small, as
groups of neighbours, each by one random combination of its members. So a map is multiplied with a
few rows instead of k. What couples a group to the first directions is kept (a Schur complement),
what couples groups to each other is not.
"""

import numpy as np
from numpy.typing import NDArray

from esm_client.core.errors import InvalidEmbeddings
from esm_client.core.scoring.basis import TargetBasis

Array = NDArray[np.float64]

FIRST, GROUPS = 64, 32
SMALLEST_T, LARGEST_T, GRID_STEP = 1e-6, 1e2, 0.5


class Screen:
    """One target, cut down; single precision for the large product."""

    def __init__(self, basis: TargetBasis) -> None:
        inside = basis.labels.inside
        first = min(FIRST, len(basis.sigma))
        groups = [g for g in np.array_split(np.arange(first, len(basis.sigma)), GROUPS) if g.size]
        signs = np.random.default_rng(0).choice([-1.0, 1.0], len(basis.sigma))
        mixed = [signs[g] @ basis.read[g] / np.sqrt(g.size) for g in groups]
        self._first = first
        self._rows = np.vstack([basis.read[:first], *mixed]).astype(np.float32)
        self._constant = None
        if basis.constant is not None:
            along = [signs[g] @ basis.constant[g] / np.sqrt(g.size) for g in groups]
            self._constant = np.r_[basis.constant[:first], along]
        self._sizes = np.array([g.size for g in groups], dtype=np.float64)
        self._inside = inside[:first]
        shares = [(inside[g] ** 2).sum(axis=0) for g in groups]
        self._shares = np.array(shares).reshape(len(groups), inside.shape[1])
        self._labels = basis.labels
        steps = np.arange(np.log(SMALLEST_T), np.log(LARGEST_T), GRID_STEP)
        self._grid: Array = np.exp(steps)

    def score(self, weight: NDArray[np.floating], bias: NDArray[np.floating]) -> float:
        """An estimate for weight (D, Z) and bias (D,); raises InvalidEmbeddings on overflow."""
        with np.errstate(over="ignore", invalid="ignore"):
            features = (self._rows @ weight.astype(np.float32).T).astype(np.float64)
            if self._constant is not None:
                features += self._constant[:, np.newaxis] * bias
            gram = features @ features.T
        if not np.isfinite(gram).all():
            raise InvalidEmbeddings("The mapped embeddings overflow.")
        return float(self._labels.score(_highest(self._gain(gram))))

    def _gain(self, gram: Array) -> Array:
        """Gains (n, C) over the null model on the grid."""
        first = self._first
        sigma, vectors = np.linalg.eigh(gram[:first, :first])
        sigma = np.maximum(sigma, 0.0)
        coupling = gram[first:, :first] @ vectors  # (groups, first)
        labels = vectors.T @ self._inside
        t = self._grid[:, np.newaxis] * max(float(sigma[-1]), 1e-300)
        weights = 1.0 / (t + sigma)  # (n, first)
        own = np.maximum(np.diag(gram)[first:] - weights @ (coupling**2).T, 0.0) / t
        # what the first directions say of a group, and what is left of its labels
        told = (weights[:, np.newaxis, :] * coupling) @ labels  # (n, groups, C)
        left = (self._shares + self._sizes[:, np.newaxis] * told**2) / (1.0 + own)[..., np.newaxis]
        q = self._labels.residual + (t * weights) @ labels**2 + left.sum(axis=1)
        log_det = np.log1p(sigma / t).sum(axis=1) + np.log1p(own) @ self._sizes
        return -0.5 * (self._labels.num_rows * np.log(q) + log_det[:, np.newaxis])


def _highest(gain: Array) -> Array:
    """Maxima (C,) of the columns, by the parabola through the highest point and its neighbours."""
    top = gain.argmax(axis=0)
    inner = np.clip(top, 1, len(gain) - 2)
    columns = np.arange(len(top))
    before, at, after = gain[inner - 1, columns], gain[inner, columns], gain[inner + 1, columns]
    bend = before - 2.0 * at + after
    with np.errstate(invalid="ignore", divide="ignore"):
        height = at - (before - after) ** 2 / (8.0 * bend)
    return np.where((top == inner) & (bend < 0.0), height, gain.max(axis=0))
