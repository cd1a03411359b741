"""How sure a ranking is: its best rows, scored again with one fold of the target left out."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from esm_client.core.scoring.sketch import TargetSketch
from esm_client.core.uncertainty import ROWS, check_folds_of
from esm_server.engine.request import Jackknife, PoolScores, Request


def read_folds(whole: TargetSketch, folds: Sequence[bytes]) -> list[TargetSketch]:
    """The fold sketches, checked against the whole; raises InvalidSketch, InvalidLabels."""
    sketches = [TargetSketch.from_bytes(fold) for fold in folds]
    check_folds_of(whole, sketches)
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
