"""One ranking out of several."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from esm_client.core.errors import InvalidInput

OFFSET = 60
"""Of a rank, as Cormack et al. (2009) and Vu et al. (2020) have it."""


def reciprocal_rank_fusion(scores: ArrayLike, offset: float = OFFSET) -> NDArray[np.float64]:
    """Sum over rankings of 1 / (offset + rank): the fused score (n,) of each source.

    scores: (n, M), of n sources by M methods, higher is better; NaN where a method says nothing
    of a source, which then gains nothing from it and moves no other's rank. Equal scores share
    the mean of their ranks. Sources compare only where the same methods rank them: one that more
    of them rank has more terms in its sum.

    Raises InvalidInput for another shape or an offset below 0.

    >>> reciprocal_rank_fusion([[3.0, 1.0], [2.0, 2.0], [1.0, np.nan]]).argsort().tolist()
    [2, 0, 1]
    """
    table = np.asarray(scores, dtype=np.float64)
    if table.ndim != 2:
        raise InvalidInput(
            f"Scores of shape {table.shape} are not a table of sources by methods.",
            "Pass an array of shape (n, M).",
        )
    if not offset >= 0:
        raise InvalidInput(f"The offset is {offset}.", "Use 0 or more.")
    fused = np.zeros(len(table))
    for column in table.T:
        fused += np.nan_to_num(1.0 / (offset + descending_ranks(column)), nan=0.0)
    return fused


def descending_ranks(scores: ArrayLike) -> NDArray[np.float64]:
    """Ranks (n,) from 1 for the highest; equal scores share the mean of theirs, NaN stays.

    Raises InvalidInput for another shape.

    >>> descending_ranks([0.5, 0.9, 0.5, np.nan]).tolist()
    [2.5, 1.0, 2.5, nan]
    """
    values = np.asarray(scores, dtype=np.float64)
    if values.ndim != 1:
        raise InvalidInput(
            f"Scores of shape {values.shape} are not one per source.", "Pass shape (n,)."
        )
    found = np.full(len(values), np.nan)
    known = ~np.isnan(values)
    _, inverse, counts = np.unique(-values[known], return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    found[known] = (last - (counts - 1) / 2)[inverse]
    return found
