"""Ridge regression in closed form, of full and of low rank."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from esm_client.core.artifact.summary import X_BIAS, X_RIGHT
from esm_client.core.errors import InvalidInput
from esm_client.core.maps.affine import AffineMap
from esm_client.core.maps.low_rank import LowRankMap
from esm_client.core.maps.wide import WideMap
from esm_client.lab.training.fit.moments import Floats, Matrix, Moments, check_pairs

LAMBDAS = (1e-4, 1e-3, 1e-2, 3e-2, 0.1, 0.3, 1.0, 3.0, 10.0)
"""Tried penalties, relative to the mean squared singular value of the centred embeddings."""
INNER_SHARE = 0.2
RANKS = (4, 8, 16, 32, 64, 128)
VIEWS_PENALTY = 1e-3
"""Of the regression of views on x, relative to the mean squared singular value of the centred x."""
RANK_TOLERANCE = 0.05
"""A rank is enough where its held-out error is at most this much above the full map's."""
Rank = int | Literal["auto"] | None


@dataclass(frozen=True)
class RidgeFit:
    """A fitted map in float64, the relative penalty it was fitted with, and the scalar c."""

    map: AffineMap | LowRankMap | WideMap
    ridge_lambda: float
    scale: float


def fit_ridge(
    base: Floats,
    tuned: Floats,
    rows: NDArray[np.intp] | None = None,
    *,
    rank: Rank = None,
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

    Where X holds views of an inner layer behind the embeddings, the change reads these as well:
    W = [c I, 0] + P Q^T, and the map is wide; without a rank P Q^T has rank D.

    Args:
        base: X (N, D), embeddings of the base model; or (N, Z), with views behind them.
        tuned: Y (N, D), embeddings of the fine-tuned model, row by row of the same texts.
        rows: numbers of the rows to fit; None for all.
        rank: q, at most D; None for the full map; "auto" for the smallest of RANKS whose
            error on a fifth of the rows is within 5 percent of the full map's.
        ridge_lambda: relative to the mean squared singular value of the centred X, so that it
            carries over between models and row counts; None tries LAMBDAS on a fifth of the
            rows and fits the best one on all of them.
        seed: draws that fifth.

    What is held beyond the arrays does not grow with N. Raises InvalidEmbeddings for arrays that
    are not pairs, InvalidInput for a penalty or a rank that is not positive.
    """
    check_pairs(base, tuned)
    if isinstance(rank, int) and rank < 1:
        raise InvalidInput(f"rank is {rank}.", "Use 1 or more, or None for the full map.")
    if ridge_lambda is not None and not (ridge_lambda > 0 and np.isfinite(ridge_lambda)):
        raise InvalidInput(f"ridge_lambda is {ridge_lambda}.", "Use a positive number.")
    used = np.arange(len(base)) if rows is None else rows
    order = np.random.default_rng(seed).permutation(used)
    held = max(1, round(INNER_SHARE * len(used)))
    inner, held_out = (Moments.of(base, tuned, np.sort(r)) for r in (order[held:], order[:held]))
    if ridge_lambda is None or rank == "auto":
        choice = _Choice(inner, held_out)
        ridge_lambda = choice.ridge_lambda() if ridge_lambda is None else ridge_lambda
        rank = choice.rank(ridge_lambda) if rank == "auto" else rank
    return _solve(inner + held_out, ridge_lambda, rank)


class _Choice:
    """Held-out errors of all penalties and ranks, from one diagonalisation.

    With Sxx = B diag(s) B^T of the inner rows, the change W - c I has the transpose B diag(d) T,
    T = B^T (Sxy - c Sxx) and d = 1 / (s + lambda u); so its error on other rows is a quadratic
    form in d, and a new penalty costs D^2.
    """

    def __init__(self, inner: Moments, held_out: Moments) -> None:
        self._inner = inner
        scale = inner.scale
        values, basis = np.linalg.eigh(inner.xx)
        self._values, self._basis = np.maximum(values, 0.0), basis
        self._turned = basis.T @ (inner.xy - scale * inner.base)
        seen = held_out.about(inner.mean_x, inner.mean_y)
        self._seen_xx = seen.xx
        self._left = seen.xy - scale * seen.base  # what the scaled identity leaves over
        # of the scaled identity: |y - c x|^2
        self._scaled = (
            seen.yy - 2 * scale * float(np.trace(seen.xy)) + scale**2 * float(np.trace(seen.base))
        )
        self._size = held_out.rows * inner.dimension

    def ridge_lambda(self) -> float:
        """The penalty of LAMBDAS with the smallest held-out error of the full map."""
        return LAMBDAS[int(np.argmin(self.errors(LAMBDAS)))]

    def errors(self, lambdas: Sequence[float]) -> Matrix:
        """Mean squared errors of the full maps, one per penalty."""
        linear = np.sum(self._turned * (self._basis.T @ self._left), axis=1)
        square = (self._basis.T @ self._seen_xx @ self._basis) * (self._turned @ self._turned.T)
        damped = [1.0 / (self._values + value * self._inner.unit) for value in lambdas]
        found = [self._scaled - 2 * d @ linear + d @ square @ d for d in damped]
        return np.array(found) / self._size

    def rank_errors(self, ridge_lambda: float) -> Matrix:
        """Mean squared errors (D,) of the maps of rank 1, 2 ... D: what each direction takes off
        the error adds up."""
        damped = self._turned / (self._values + ridge_lambda * self._inner.unit)[:, None]
        change = (self._basis @ damped).T
        found = _directions(self._inner, change)
        turned = found.T @ change
        taken = np.cumsum(
            2 * np.sum(turned * (self._left @ found).T, axis=1)
            - np.sum((turned @ self._seen_xx) * turned, axis=1)
        )
        return (self._scaled - taken) / self._size

    def rank(self, ridge_lambda: float) -> int:
        """The smallest of RANKS that is good enough; the largest where none is."""
        errors = self.rank_errors(ridge_lambda)
        ranks = [rank for rank in RANKS if rank < len(errors)] or [len(errors)]
        enough = [q for q in ranks if errors[q - 1] <= (1 + RANK_TOLERANCE) * errors[-1]]
        return enough[0] if enough else ranks[-1]


def _directions(moments: Moments, change: Matrix) -> Matrix:
    """Principal directions (D, D) of the fitted changes, the strongest first, as columns."""
    _, found = np.linalg.eigh(change @ moments.xx @ change.T)
    return found[:, ::-1]


def _solve(moments: Moments, ridge_lambda: float, rank: int | None) -> RidgeFit:
    """The map of all rows."""
    scale, dimension, width = moments.scale, moments.dimension, len(moments.mean_x)
    damped = moments.xx + ridge_lambda * moments.unit * np.eye(width)
    solution = np.linalg.solve(damped, moments.xy - scale * moments.base)
    change: Matrix = solution.T.astype(np.float64)
    if rank is None and width == dimension:
        weight = change + scale * np.eye(dimension)
        full = AffineMap(weight, moments.mean_y - weight @ moments.mean_x)
        return RidgeFit(full, ridge_lambda, scale)
    left = _directions(moments, change)[:, :rank]
    right = change.T @ left
    base_mean = moments.mean_x[:dimension]
    bias = moments.mean_y - scale * base_mean - left @ (right.T @ moments.mean_x)
    kind = LowRankMap if width == dimension else WideMap
    return RidgeFit(kind(np.array([scale]), left, right, bias), ridge_lambda, scale)


def without_views(wide: WideMap, base: Floats, rows: NDArray[np.intp]) -> dict[str, Matrix]:
    """What stands for Q and b of a map where there are no views: as x predicts them on rows (N, Z).

    The names are those of core.artifact.summary.
    """
    dimension = wide.dimension
    moments = Moments.of(base, base[:, :dimension], np.sort(rows))
    damped = moments.base[:dimension].copy()
    places = np.arange(dimension)
    damped[places, places] += VIEWS_PENALTY * float(np.trace(damped)) / dimension
    predicted = np.linalg.solve(damped, moments.base[dimension:].T).T  # (k, D)
    right = wide.right[:dimension] + predicted.T @ wide.right[dimension:]
    offset = moments.mean_x[dimension:] - predicted @ moments.mean_x[:dimension]
    bias: Matrix = wide.bias + wide.left @ (wide.right[dimension:].T @ offset)
    return {X_RIGHT: right.astype(np.float64), X_BIAS: bias}
