"""Scores of full maps from the tridiagonal form of their Gram matrix: no singular vectors.

For features F (l, D) in the target's coordinates, F F^T = Q T Q^T with T tridiagonal. Log det and
q(t) of the evidence profile (esm_client.core.scoring.profile) then cost one pass over T each, so
that the whole costs one product, one Gram matrix and one reduction: about half of eigenvectors.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import blas as _scipy_blas
from scipy.linalg import lapack as _scipy_lapack

from esm_client.core.scoring.basis import TargetLabels
from esm_client.core.scoring.design import TargetDesign
from esm_client.core.scoring.maximum import GRID_STEP, highest

Array = NDArray[np.float64]
blas: Any = _scipy_blas  # generated modules, which have no types
lapack: Any = _scipy_lapack

SMALLEST_T, LARGEST_T = 2e-6, 1e5
"""Range of t in units of the largest sigma, which is known to within a factor of three: below it
the Gram matrix, which has half of the digits, says too little."""


PRECISION = 1e-9


class FullRankScorer:
    """One target, ready for one full map after another."""

    def __init__(self, design: TargetDesign) -> None:
        self._design = design
        self._labels = TargetLabels.of(design)
        self._grid = np.arange(np.log(SMALLEST_T), np.log(LARGEST_T), GRID_STEP)
        rows, columns = design.features.shape
        self._triangular = design.constant is None and rows == columns

    def score(self, weight: NDArray[Any], bias: NDArray[Any]) -> float:
        """The score of one map: weight (D, Z), bias (D,), of any float dtype.

        Raises InvalidEmbeddings if the mapped features overflow.
        """
        wide = weight.astype(np.float64)
        with np.errstate(all="ignore"):
            score = self._from_gram(self._features(wide, bias))
        if np.isfinite(score):
            return score
        return self._design.mean_log_evidence(weight.astype(np.float64), bias.astype(np.float64))

    def identity(self) -> float:
        """The score of the embeddings as they are."""
        width = int(self._design.features.shape[1])
        return self.score(np.identity(width, dtype=np.float64), np.zeros(width, dtype=np.float64))

    def _from_gram(self, features: Array) -> float:
        gram = blas.dsyrk(1.0, features, lower=1)
        if not np.isfinite(gram[np.diag_indices_from(gram)]).all():
            return np.nan
        profile = _Profile(_Tridiagonal.of(gram, self._labels.inside), self._labels)
        grid = self._grid + np.log(profile.largest)
        coarse = profile(np.zeros(1, dtype=np.intp), grid[np.newaxis])
        ceiling = profile.ceiling(float(np.exp(grid[0])))[np.newaxis]
        gain = highest(grid, coarse, profile, ceiling, precision=PRECISION)
        return float(self._labels.score(gain)[0])

    def _features(self, weight: Array, bias: NDArray[Any]) -> Array:
        """A W^T (l, D) in Fortran order, moved by the bias where that counts; weight may change."""
        design = self._design
        if self._triangular:  # half of the operations
            return blas.dtrmm(1.0, design.features.T, weight.T, lower=1, trans_a=1, overwrite_b=1)
        features = design.features @ weight.T
        if design.constant is not None:
            features += design.constant[:, np.newaxis] * bias
        return np.asfortranarray(features)


@dataclass(frozen=True)
class _Tridiagonal:
    """T, by diagonals (l,) and (l - 1,), and the labels turned alike: Q^T Y (l, C)."""

    diagonal: Array
    beside: Array
    labels: Array

    @staticmethod
    def of(gram: Array, labels: Array) -> "_Tridiagonal":
        """Reduce a Gram matrix (l, l), of which the lower half counts; it may change."""
        length = len(gram)
        if length == 1:
            return _Tridiagonal(gram[0], gram[0, :0], labels)
        work = int(lapack.dsytrd_lwork(length, lower=1)[0].real)
        reduced, diagonal, beside, tau, _ = lapack.dsytrd(gram, lower=1, lwork=work, overwrite_a=1)
        turned = labels.copy()
        turned[1:] = lapack.dormqr(
            "L", "T", np.asfortranarray(reduced[1:, :-1]), tau, labels[1:], lwork=64 * length
        )[0]
        return _Tridiagonal(diagonal, beside, turned)


class _Profile:
    """The evidence profile of one map, by one pass over T for each t."""

    def __init__(self, matrix: _Tridiagonal, labels: TargetLabels) -> None:
        self._matrix, self._labels = matrix, labels
        wide = np.abs(np.r_[matrix.beside, 0.0]) + np.abs(np.r_[0.0, matrix.beside])
        self.largest = float((matrix.diagonal + wide).max())
        """Not less than the largest eigenvalue, and at most three times as much."""

    def ceiling(self, t: float) -> Array:
        """What no gain (C,) below t exceeds: q is at least the residual, log det at least that."""
        pivots, _, failed = self._factored(t)
        log_det = -np.inf if failed else np.log(pivots).sum()
        return -0.5 * (self._labels.num_rows * np.log(self._labels.residual) + log_det)

    def __call__(self, _rows: NDArray[np.intp], log_t: Array) -> Array:
        """Gains (1, n, C) at log t (1, n)."""
        return np.stack([self._at(t) for t in np.exp(log_t[0])])[np.newaxis]

    def _at(self, t: float) -> Array:
        matrix, labels = self._matrix, self._labels
        pivots, beside, failed = self._factored(t)
        if failed:
            return np.full(len(labels.residual), np.nan)
        solved, _ = lapack.dpttrs(pivots, beside, matrix.labels)
        q = labels.residual + (matrix.labels * solved).sum(axis=0)
        return -0.5 * (labels.num_rows * np.log(q) + np.log(pivots).sum())

    def _factored(self, t: float) -> tuple[Array, Array, int]:
        """I + T/t = L D L^T: D, L beside its diagonal, and whether that failed."""
        return lapack.dpttrf(self._matrix.diagonal / t + 1.0, self._matrix.beside / t)
