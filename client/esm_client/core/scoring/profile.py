"""The maximum evidence of Bayesian linear regression as a function of log t alone."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

# Range of t = alpha/beta, in units of the largest sigma. Its lower end is the noise
# floor as well: q(t) >= |y|^2 t / (sigma_max + t), so that the noise variance never
# falls below 1e-12 of the column's mean square, however exactly the features fit.
SMALLEST_T = 1e-12
LARGEST_T = 1e4
# L(log t) is analytic for |Im log t| < pi (q has its zeros at negative t), so its
# maxima are about as wide as one unit of log t; the grid has five steps to the unit.
GRID_STEP = 0.2
NEWTON_STEPS = 100
NEWTON_TOLERANCE = 1e-11


@dataclass(frozen=True)
class EvidenceProfile:
    """The maximised log evidence of every label column, and where it was reached.

    All fields have shape (C,). `log_t` is log(alpha/beta), infinite for the null
    model; `is_null` marks columns that no direction of the features helps to
    explain; `at_edge` marks optima at an end of the range of t.
    """

    log_evidence: Array
    log_t: Array
    is_null: NDArray[np.bool_]
    at_edge: NDArray[np.bool_]


def maximum_evidence_profile(
    sigma: Array, projections: Array, residual: Array, num_rows: int
) -> EvidenceProfile:
    """Maximise the log evidence of C columns over t = alpha/beta and the noise.

    sigma (k,): squared singular values of the features. projections (k, C): u_i^T y.
    residual (C,): squared norm of y outside the span of the u_i. num_rows: N, or
    N - 1 if features and labels are centred. Each column must have a positive norm.
    The prior precision alpha and noise precision beta of MacKay (1992) and LogME
    (You et al. 2021, section 3) are reduced to t; the best beta is num_rows/q(t).

    >>> best = maximum_evidence_profile(
    ...     np.array([4.0, 1.0]), np.array([[3.0], [0.5]]), np.array([2.0]), 10)
    >>> round(float(best.log_evidence[0]), 6), round(float(best.log_t[0]), 6)
    (-9.616165, -1.614384)
    """
    squares = projections**2
    norms = squares.sum(axis=0) + residual
    null = null_evidence(norms, num_rows)
    columns = len(norms)
    largest = float(sigma.max(initial=0.0))
    everywhere = np.ones(columns, dtype=np.bool_)
    if largest <= 0.0:
        return EvidenceProfile(null, np.full(columns, np.inf), everywhere, ~everywhere)
    problem = _Columns(sigma / largest, squares / norms, residual / norms, num_rows)
    gain, log_t, at_edge = _maximise(problem)
    # Ratios to the norm keep q in (0, 1]; the null model has q = 1 and gain 0.
    is_null = gain <= 0.0
    return EvidenceProfile(
        null + np.where(is_null, 0.0, gain),
        np.where(is_null, np.inf, log_t + np.log(largest)),
        is_null,
        at_edge & ~is_null,
    )


@dataclass(frozen=True)
class _Columns:
    sigma: Array  # (k,) largest is 1
    squares: Array  # (k, C) shares of |y|^2
    residual: Array  # (C,) share of |y|^2
    num_rows: int

    def on_grid(self, log_t: Array) -> tuple[Array, Array]:
        """Gain over the null model and its slope, both (len(log_t), C)."""
        t = np.exp(log_t)[:, np.newaxis]
        shrinkage = t / (self.sigma + t)
        slope_terms = shrinkage * self.sigma / (self.sigma + t)
        q = self.residual + shrinkage @ self.squares
        log_det = np.log1p(self.sigma / t).sum(axis=1)[:, np.newaxis]
        gamma = (1.0 - shrinkage).sum(axis=1)[:, np.newaxis]
        slope = gamma - self.num_rows * (slope_terms @ self.squares) / q
        return self._gain(log_det, q), 0.5 * slope

    def at(self, log_t: Array, column: NDArray[np.intp]) -> tuple[Array, Array, Array]:
        """Gain, slope and curvature of column[p] at log_t[p], each of shape (P,)."""
        t = np.exp(log_t)[:, np.newaxis]
        share = self.sigma / (self.sigma + t)
        shrinkage = t / (self.sigma + t)
        product = share * shrinkage
        squares = self.squares.T[column]
        q = self.residual[column] + (squares * shrinkage).sum(axis=1)
        q1 = (squares * product).sum(axis=1)
        q2 = (squares * product * (share - shrinkage)).sum(axis=1)
        slope = share.sum(axis=1) - self.num_rows * q1 / q
        curvature = -product.sum(axis=1) - self.num_rows * (q2 / q - (q1 / q) ** 2)
        log_det = np.log1p(self.sigma / t).sum(axis=1)
        return self._gain(log_det, q), 0.5 * slope, 0.5 * curvature

    def _gain(self, log_det: Array, q: Array) -> Array:
        return -0.5 * (self.num_rows * np.log(q) + log_det)


def null_evidence(norms: Array, num_rows: int) -> Array:
    """Log evidence (C,) of columns of squared norm (C,) that nothing explains."""
    return 0.5 * num_rows * (np.log(num_rows / norms) - 1.0 - np.log(2.0 * np.pi))


def _maximise(problem: _Columns) -> tuple[Array, Array, NDArray[np.bool_]]:
    low, high = np.log(SMALLEST_T), np.log(LARGEST_T)
    steps = int(np.ceil((high - low) / GRID_STEP))
    grid: Array = low + (high - low) * np.arange(steps + 1) / steps
    gain, slope = problem.on_grid(grid)
    top = gain.argmax(axis=0)
    best = gain.max(axis=0)
    log_t = grid[top]
    at_edge = (top == 0) | (top == len(grid) - 1)
    # Every cell that is entered upwards and left downwards holds a local maximum.
    cell, column = np.nonzero((slope[:-1] > 0.0) & (slope[1:] <= 0.0))
    if cell.size:
        point = _refine(problem, grid[cell], grid[cell + 1], column)
        value = problem.at(point, column)[0]
        better = np.flatnonzero(value >= best[column])
        order = better[np.argsort(value[better])]  # the last write to a column wins
        best[column[order]] = value[order]
        log_t[column[order]] = point[order]
        at_edge[column[order]] = False
    return best, log_t, at_edge


def _refine(problem: _Columns, low: Array, high: Array, column: NDArray[np.intp]) -> Array:
    """Newton's method on the slope inside [low, high], bisecting where it leaves."""
    point = 0.5 * (low + high)
    for _ in range(NEWTON_STEPS):
        _, slope, curvature = problem.at(point, column)
        low = np.where(slope > 0.0, point, low)
        high = np.where(slope > 0.0, high, point)
        newton = point - slope / np.where(curvature < 0.0, curvature, -1.0)
        usable = (curvature < 0.0) & (newton >= low) & (newton <= high)
        following = np.where(usable, newton, 0.5 * (low + high))
        moved = np.max(np.abs(following - point))
        point = following
        if moved <= NEWTON_TOLERANCE:
            break
    return point
