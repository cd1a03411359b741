"""How sure a ranking is: its best rows, scored again with one fold of the target left out."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from esm_client.core.errors import InvalidSketch
from esm_client.core.schemas import RankedEsm
from esm_client.core.scoring.jackknife import check_folds, rank_ranges, standard_errors
from esm_client.core.scoring.margin import SURE_ERRORS
from esm_client.core.scoring.sketch import TargetSketch
from esm_server.engine.request import Jackknife, PoolScores, Request

ROWS = 50
"""The best rows, which are scored once more for every fold."""


def read_folds(whole: TargetSketch, folds: Sequence[bytes]) -> list[TargetSketch]:
    """The fold sketches, checked against the whole; raises InvalidSketch, InvalidLabels."""
    sketches = [TargetSketch.from_bytes(fold) for fold in folds]
    rows = sum(sketch.num_rows for sketch in sketches)
    if rows != whole.num_rows or any(
        fold.label_map_digest != whole.label_map_digest or fold.dimension != whole.dimension
        for fold in sketches
    ):
        raise InvalidSketch(
            f"The fold sketches are not of the same target: they hold {rows} rows, the sketch "
            f"{whole.num_rows}.",
            "Make both from the same rows and labels, with core.scoring.jackknife.",
        )
    check_folds(sketches)
    return sketches


def jackknife(
    score: Callable[[Request], PoolScores], request: Request, found: PoolScores,
    without: Sequence[TargetSketch],
) -> Jackknife:  # fmt: skip
    """Score the best rows again, for the sketches `without` one fold each.

    Maps that no sketch can score (MLPs) stay without an error.
    """
    order = np.argsort(np.where(np.isnan(found.scores), np.inf, -found.scores), kind="stable")
    members = order[: min(ROWS, int((~np.isnan(found.scores)).sum()))]
    digests = [request.digests[index] for index in members.tolist()]
    again = replace(request, embedded=None, digests=digests, mode="exhaustive")
    rows = [score(replace(again, sketch=sketch.to_bytes())).scores for sketch in without]
    scores = np.stack(rows)
    scored = np.isfinite(scores).all(axis=0)
    return Jackknife(members[scored], scores[:, scored])


def with_errors(rows: list[RankedEsm], members: Sequence[int], found: Jackknife) -> list[RankedEsm]:
    """Rows, in their order and with the pool's index of each, with errors and rank ranges."""
    column = {member: number for number, member in enumerate(found.members.tolist())}
    known = [place for place, member in enumerate(members) if member in column]
    if not known:
        return rows
    scores = found.scores[:, [column[members[place]] for place in known]]
    errors, (low, high) = standard_errors(scores), rank_ranges(scores)
    apart = standard_errors(scores[:, :1] - scores)
    updated = list(rows)
    for number, place in enumerate(known):
        row = rows[place]
        behind = rows[known[0]].score - row.score
        updated[place] = row.model_copy(
            update={
                "standard_error": float(errors[number]),
                "rank_range": (int(low[number]), int(high[number])),
                "tied": row.tied if known[0] else behind <= SURE_ERRORS * float(apart[number]),
            }
        )
    return updated
