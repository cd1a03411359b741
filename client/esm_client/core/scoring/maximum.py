"""The highest point of evidence profiles that cost something to evaluate.

L(log t) is analytic for |Im log t| < pi (profile.py says why), so a polynomial through a few
Chebyshev nodes is as good as the function itself: on an interval of half width h its error falls
by pi/h + sqrt((pi/h)^2 + 1) with every node. A coarse look at the whole range says where the
maxima lie; a few exact evaluations around them are enough.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Profile = Callable[[NDArray[np.intp], Array], Array]
"""Gains (R, n, C) over the null model of the profiles `rows` (R,) at log t (R, n); NaN where they
cannot be trusted."""

GRID_STEP = 1.0
MARGIN = 0.5
"""How far, in log t, a maximum may lie from where the coarse look saw it."""
PRECISION = 1e-7
"""Of the interpolated gain, against its change over the interval."""
MAX_NODES = 30
GRID_POINTS = 33
NEWTON_STEPS = 4
ATTEMPTS = 3


def highest(grid: Array, coarse: Array, exact: Profile) -> Array:
    """The maximum (B, C) over log t of B profiles with C columns each; NaN where it is unsure.

    grid (n,) ascends by GRID_STEP; coarse (B, n, C): gains on it, good enough to see the maxima.
    A column that rises towards the lower end of the grid is not followed there: NaN. One that is
    highest at the upper end, but no better than the null model beyond, has a gain of zero.
    """
    unsure = np.isnan(coarse).any(axis=1)
    coarse = np.where(np.isnan(coarse), -np.inf, coarse)
    top = coarse.argmax(axis=1)
    unsure |= (top == 0) | (coarse[:, 0] > coarse[:, 1])
    at_end = top == len(grid) - 1
    unsure |= at_end & (coarse[:, -1] > 0.0)
    found = np.where(at_end, 0.0, np.nan)
    centre = grid[top] + _offset(coarse, top)
    wanted = ~(unsure | at_end)
    margin = MARGIN
    for _ in range(ATTEMPTS):
        rows = np.flatnonzero(wanted.any(axis=1))
        if not rows.size:
            break
        value, place, inside = _near(rows, np.where(wanted, centre, np.nan)[rows], margin, exact)
        found[rows] = np.where(wanted[rows] & inside, value, found[rows])
        wanted[rows] &= ~inside
        centre[rows] = place
        margin *= 3.0
    return np.where(unsure, np.nan, found)


def _near(
    rows: NDArray[np.intp], centre: Array, margin: float, exact: Profile
) -> tuple[Array, Array, NDArray[np.bool_]]:
    """Value and place (R, C) of the maxima around all `centre` (R, C) that are not NaN."""
    low, high = np.nanmin(centre, axis=1) - margin, np.nanmax(centre, axis=1) + margin
    middle, half = 0.5 * (low + high)[:, np.newaxis], 0.5 * (high - low)[:, np.newaxis]
    count = _num_nodes(float(half.max()))
    angles = np.pi * (np.arange(count) + 0.5) / count
    value, place = _polynomial_maximum(angles, exact(rows, middle + half * np.cos(angles)))
    return value, middle + half * place, (np.abs(place) < 1.0) & ~np.isnan(value)


def _num_nodes(half: float) -> int:
    ratio = np.pi / half + np.sqrt((np.pi / half) ** 2 + 1.0)
    return min(MAX_NODES, 2 + int(np.ceil(-np.log(PRECISION) / np.log(ratio))))


def _offset(coarse: Array, top: NDArray[np.intp]) -> Array:
    """Where the parabola through the highest point and its neighbours ends, from that point."""
    inner = np.clip(top, 1, coarse.shape[1] - 2)
    before, at, after = (
        np.take_along_axis(coarse, inner[:, np.newaxis] + step, axis=1)[:, 0] for step in (-1, 0, 1)
    )
    with np.errstate(invalid="ignore", divide="ignore"):
        offset = 0.5 * (before - after) / (before - 2.0 * at + after) * GRID_STEP
    usable = (inner == top) & (np.abs(offset) <= GRID_STEP)
    return np.where(usable, offset, 0.0)


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
