"""Ridge regression in closed form, of full and of low rank."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from esm_client.core.errors import InvalidInput
from esm_client.core.maps.affine import AffineMap
from esm_client.core.maps.low_rank import LowRankMap
from esm_client.lab.training.fit.moments import Floats, Matrix, Moments, check_pairs

LAMBDAS = (1e-4, 1e-3, 1e-2, 3e-2, 0.1, 0.3, 1.0, 3.0, 10.0)
"""Tried penalties, relative to the mean squared singular value of the centred embeddings."""
INNER_SHARE = 0.2


@dataclass(frozen=True)
class RidgeFit:
    """A fitted map in float64, the relative penalty it was fitted with, and the scalar c."""

    map: AffineMap | LowRankMap
    ridge_lambda: float
    scale: float


def fit_ridge(
    base: Floats,
    tuned: Floats,
    rows: NDArray[np.intp] | None = None,
    *,
    rank: int | None = None,
    ridge_lambda: float | None = None,
    seed: int = 42,
) -> RidgeFit:
    """Fit the map in closed form.

    Minimises |X W^T + 1 b^T - Y|^2 + lambda |W - c I|^2 over W and b, with c the least-squares
    scalar: a strong penalty leads back to a scaled identity, and b is never penalised. Both
    follow from the normal equations of [X 1], solved by centring X and Y (the loss is that of
    Schulte et al. 2024, section 3, who use SGD). With a rank q, W = c I + P Q^T is the best
    such map on the rows: the full solution, projected on the first q principal directions of
    its fitted changes (reduced-rank regression, Izenman 1975).

    Args:
        base: X (N, D), embeddings of the base model.
        tuned: Y (N, D), embeddings of the fine-tuned model, row by row of the same texts.
        rows: numbers of the rows to fit; None for all.
        rank: q, at most D; None for the full map.
        ridge_lambda: relative to the mean squared singular value of the centred X, so that it
            carries over between models and row counts; None tries LAMBDAS on a fifth of the
            rows and fits the best one on all of them.
        seed: draws that fifth.

    What is held beyond the arrays does not grow with N. Raises InvalidEmbeddings for arrays that
    are not pairs, InvalidInput for a penalty or a rank that is not positive.
    """
    check_pairs(base, tuned)
    if rank is not None and rank < 1:
        raise InvalidInput(f"rank is {rank}.", "Use 1 or more, or None for the full map.")
    if ridge_lambda is not None and not (ridge_lambda > 0 and np.isfinite(ridge_lambda)):
        raise InvalidInput(f"ridge_lambda is {ridge_lambda}.", "Use a positive number.")
    used = np.arange(len(base)) if rows is None else rows
    order = np.random.default_rng(seed).permutation(used)
    held = max(1, round(INNER_SHARE * len(used)))
    inner, held_out = (Moments.of(base, tuned, np.sort(r)) for r in (order[held:], order[:held]))
    if ridge_lambda is None:
        errors = held_out_errors(inner, held_out, LAMBDAS, [rank])
        ridge_lambda = LAMBDAS[int(np.argmin(errors[:, 0]))]
    return _Ridge(inner + held_out).solve(ridge_lambda, rank)


def held_out_errors(
    inner: Moments, held_out: Moments, lambdas: Sequence[float], ranks: Sequence[int | None]
) -> Matrix:
    """Mean squared errors (penalties, ranks) on some rows of the maps fitted on others.

    All ranks of one penalty cost one fit: the directions are the same, and what each takes off
    the error adds up.
    """
    ridge = _Ridge(inner)
    seen = held_out.about(inner.mean_x, inner.mean_y)
    left = seen.xy - ridge.scale * seen.xx  # of what the scaled identity leaves over
    scaled = (
        seen.yy
        - 2 * ridge.scale * float(np.trace(seen.xy))
        + ridge.scale**2 * float(np.trace(seen.xx))
    )
    errors = np.empty((len(lambdas), len(ranks)))
    for row, value in enumerate(lambdas):
        change = ridge.change(value)
        directions = ridge.directions(change)
        turned = directions.T @ change
        taken = np.cumsum(
            2 * np.sum(turned * (left @ directions).T, axis=1)
            - np.sum((turned @ seen.xx) * turned, axis=1)
        )
        places = [len(taken) - 1 if rank is None else min(rank, len(taken)) - 1 for rank in ranks]
        errors[row] = (scaled - taken[places]) / (held_out.rows * inner.dimension)
    return errors


class _Ridge:
    """The normal equations of one data set, diagonalised once for all penalties."""

    def __init__(self, moments: Moments) -> None:
        self._moments = moments
        self.scale = moments.scale
        values, self._basis = np.linalg.eigh(moments.xx)
        self._values = np.maximum(values, 0.0)
        self._turned = self._basis.T @ (moments.xy - self.scale * moments.xx)

    def change(self, ridge_lambda: float) -> Matrix:
        """W - c I (D, D) for a penalty relative to the mean squared singular value."""
        damped = self._turned / (self._values + ridge_lambda * self._moments.unit)[:, None]
        return (self._basis @ damped).T

    def directions(self, change: Matrix) -> Matrix:
        """Principal directions (D, D) of the fitted changes, the strongest first, as columns."""
        _, found = np.linalg.eigh(change @ self._moments.xx @ change.T)
        return found[:, ::-1]

    def solve(self, ridge_lambda: float, rank: int | None) -> RidgeFit:
        """The map of all rows."""
        change = self.change(ridge_lambda)
        fitted = self._low_rank(change, rank) if rank else self._full(change)
        return RidgeFit(fitted, ridge_lambda, self.scale)

    def _full(self, change: Matrix) -> AffineMap:
        weight = change + self.scale * np.eye(len(change))
        return AffineMap(weight, self._moments.mean_y - weight @ self._moments.mean_x)

    def _low_rank(self, change: Matrix, rank: int) -> LowRankMap:
        left = self.directions(change)[:, :rank]
        right = change.T @ left
        mean_x, mean_y = self._moments.mean_x, self._moments.mean_y
        bias = mean_y - self.scale * mean_x - left @ (right.T @ mean_x)
        return LowRankMap(np.array([self.scale]), left, right, bias)
