"""How sure the rows of a ranking are, from their scores with one fold of the target left out."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from esm_client.core.errors import InvalidSketch
from esm_client.core.schemas import RankedEsm
from esm_client.core.scoring.jackknife import (
    check_folds,
    rank_ranges,
    standard_errors,
    surely_better,
)
from esm_client.core.scoring.sketch import TargetSketch

ROWS = 50
"""The best rows, which are scored once more for every fold."""


def check_folds_of(whole: TargetSketch, folds: Sequence[TargetSketch]) -> None:
    """Raise InvalidSketch unless these are sketches of folds of the whole target.

    Raises what `scoring.jackknife.check_folds` raises, too.
    """
    rows = sum(fold.num_rows for fold in folds)
    if rows != whole.num_rows or any(
        fold.label_map_digest != whole.label_map_digest
        or fold.dimension != whole.dimension
        or fold.views != whole.views
        or len(fold.class_counts) != len(whole.class_counts)
        for fold in folds
    ):
        raise InvalidSketch(
            f"The fold sketches are not of the same target: they hold {rows} rows, the sketch "
            f"{whole.num_rows}.",
            "Make both from the same rows and labels, with core.scoring.jackknife.",
        )
    check_folds(folds)


def with_errors(
    rows: Sequence[RankedEsm], without: NDArray[np.float64], references: Sequence[str]
) -> list[RankedEsm]:
    """Rows, best first, with errors, ranges of ranks and ties as far as n are scored by folds.

    without (folds, n): scores with one fold left out. A row among these that has none may have any
    rank, so it widens the ranges of the others.
    """
    column = {reference: number for number, reference in enumerate(references)}
    known = [place for place, row in enumerate(rows) if row.reference in column]
    updated = list(rows)
    if not known:
        return updated
    without = without[:, [column[rows[place].reference] for place in known]]
    better = surely_better(np.array([rows[place].score for place in known]), without)
    errors, (low, high) = standard_errors(without), rank_ranges(better)
    unknown = known[-1] + 1 - len(known)
    for number, place in enumerate(known):
        row = rows[place]
        updated[place] = row.model_copy(
            update={
                "standard_error": float(errors[number]),
                "rank_range": (int(low[number]), int(high[number]) + unknown),
                "tied": row.tied if known[0] else not better[0, number],
            }
        )
    return updated
