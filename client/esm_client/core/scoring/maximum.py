"""The highest point of evidence profiles that cost something to evaluate.

L(log t) is analytic for |Im log t| < pi (profile.py says why), so a polynomial through a few
Chebyshev nodes is as good as the function itself: on an interval of half width h its error falls
by pi/h + sqrt((pi/h)^2 + 1) with every node. A coarse look at the whole range says where the
maxima lie; a few exact evaluations around them are enough.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Profile = Callable[[NDArray[np.intp], Array], Array]
"""Gains (R, n, C) over the null model of the profiles `rows` (R,) at log t (R, n); NaN where they
cannot be trusted."""

GRID_STEP = 1.0
MARGIN = 0.5
"""How far, in log t, a maximum may lie from where the coarse look saw it."""
RIVAL = 0.1
"""Nats by which the highest of several maxima must stand out in a coarse look."""
MAX_NODES = 30
STEPS_BELOW = 16
"""How far below the grid a better maximum is looked for, where one is possible."""
GRID_POINTS = 33
NEWTON_STEPS = 4
ATTEMPTS = 3


def highest(
    grid: Array, coarse: Array, exact: Profile, ceiling: Array, *, precision: float
) -> Array:
    """The maximum (B, C) over log t of B profiles with C columns each; NaN where it is unsure.

    grid (n,) ascends by GRID_STEP; coarse (B, n, C): gains on it, good enough to see the maxima.
    ceiling (B, C): what no gain below the grid exceeds. A maximum below the grid is not followed
    there: NaN. A column that is highest at the upper end, but no better than the null model
    beyond, has a gain of zero. precision: of the gain, against its change around the maximum.
    """
    peaks = _Peaks.of(coarse)
    unsure = np.isnan(coarse).any(axis=1) | peaks.rivalled
    best = np.fmax(peaks.height, 0.0)
    doubtful = np.flatnonzero((ceiling > best).any(axis=1))
    if doubtful.size:
        below = np.tile(grid[0] - GRID_STEP * np.arange(1, STEPS_BELOW + 1), (doubtful.size, 1))
        unsure[doubtful] |= ~(exact(doubtful, below).max(axis=1) < best[doubtful])
    wanted = ~unsure & np.isfinite(peaks.height)
    found = np.where(wanted, np.nan, 0.0)
    centre = grid[peaks.top] + peaks.offset
    margin = MARGIN
    for _ in range(ATTEMPTS):
        rows = np.flatnonzero(wanted.any(axis=1))
        if not rows.size:
            break
        near = np.where(wanted, centre, np.nan)[rows]
        value, place, inside = _near(rows, near, margin, exact, precision)
        found[rows] = np.where(wanted[rows] & inside, value, found[rows])
        wanted[rows] &= ~inside
        centre[rows] = place
        margin *= 3.0
    return np.where(unsure, np.nan, np.maximum(found, 0.0))


@dataclass(frozen=True)
class _Peaks:
    """The highest local maxima (B, C) on a grid, by the parabola through three points each.

    height: minus infinity where there is none. rivalled: whether another point is so high that
    only a closer look could tell.
    """

    top: NDArray[np.intp]
    offset: Array
    height: Array
    rivalled: NDArray[np.bool_]

    @staticmethod
    def of(coarse: Array) -> "_Peaks":
        before, at, after = coarse[:, :-2], coarse[:, 1:-1], coarse[:, 2:]
        bend = before - 2.0 * at + after
        with np.errstate(invalid="ignore", divide="ignore"):
            offset = np.clip(0.5 * (before - after) / bend, -0.5, 0.5) * GRID_STEP
            height = at - (before - after) ** 2 / (8.0 * bend)
        is_peak = (at >= before) & (at >= after) & (bend < 0.0)
        height = np.where(is_peak, height, -np.inf)
        top = height.argmax(axis=1)[:, np.newaxis]
        best = np.take_along_axis(height, top, axis=1)[:, 0]
        place = np.take_along_axis(np.nan_to_num(offset), top, axis=1)[:, 0]
        np.put_along_axis(height, top, -np.inf, axis=1)
        level = np.maximum(best, 0.0)
        rival = np.maximum(height.max(axis=1), coarse[:, 0]) > level - RIVAL
        return _Peaks(top[:, 0] + 1, place, best, rival | (coarse[:, -1] > level))


def _near(
    rows: NDArray[np.intp], centre: Array, margin: float, exact: Profile, precision: float
) -> tuple[Array, Array, NDArray[np.bool_]]:
    """Value and place (R, C) of the maxima around all `centre` (R, C) that are not NaN."""
    low, high = np.nanmin(centre, axis=1) - margin, np.nanmax(centre, axis=1) + margin
    middle, half = 0.5 * (low + high)[:, np.newaxis], 0.5 * (high - low)[:, np.newaxis]
    count = _num_nodes(float(half.max()), precision)
    angles = np.pi * (np.arange(count) + 0.5) / count
    value, place = _polynomial_maximum(angles, exact(rows, middle + half * np.cos(angles)))
    return value, middle + half * place, (np.abs(place) < 1.0) & ~np.isnan(value)


def _num_nodes(half: float, precision: float) -> int:
    ratio = np.pi / half + np.sqrt((np.pi / half) ** 2 + 1.0)
    return min(MAX_NODES, 2 + int(np.ceil(-np.log(precision) / np.log(ratio))))


def _polynomial_maximum(angles: Array, values: Array) -> tuple[Array, Array]:
    """Maximum (R, C) and its place in [-1, 1] of polynomials given at cos(angles): (R, n, C)."""
    count = len(angles)
    orders = np.arange(count)
    to_coefficients = np.cos(np.outer(orders, angles)) * (2.0 / count)
    to_coefficients[0] *= 0.5
    coefficients = to_coefficients @ values  # (R, n, C), of Chebyshev polynomials
    fine = np.linspace(np.pi, 0.0, GRID_POINTS)
    on_grid = np.cos(np.outer(fine, orders)) @ coefficients
    best = on_grid.argmax(axis=1)
    angle = fine[best]
    edge = (best == 0) | (best == GRID_POINTS - 1)
    step = np.pi / (GRID_POINTS - 1)
    lowest, largest = angle - step, angle + step
    for _ in range(NEWTON_STEPS):  # on p(cos a), whose maxima inside are those of p
        turns = orders[:, np.newaxis] * angle[:, np.newaxis]
        slope = -(orders[:, np.newaxis] * np.sin(turns) * coefficients).sum(axis=1)
        bend = -(orders[:, np.newaxis] ** 2 * np.cos(turns) * coefficients).sum(axis=1)
        with np.errstate(invalid="ignore", divide="ignore"):
            moved = angle - np.where(bend < 0.0, slope / bend, 0.0)
        angle = np.where(edge, angle, np.clip(moved, lowest, largest))
    value = (np.cos(orders[:, np.newaxis] * angle[:, np.newaxis]) * coefficients).sum(axis=1)
    return value, np.where(edge, np.sign(np.cos(angle)), np.cos(angle))
