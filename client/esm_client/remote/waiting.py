"""Asking for a ranking, and waiting for one that takes longer than a request should."""

import base64
import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from time import monotonic, sleep
from typing import Any

import numpy as np

from esm_client.core.errors import (
    Conflict,
    ConnectionFailed,
    EsmError,
    RateLimited,
    Unavailable,
)
from esm_client.core.progress import Progress, unheard
from esm_client.core.schemas import RankingCreate, RankingJob, RankingReceipt
from esm_client.core.scoring.disclosure import DisclosureWarning
from esm_client.core.scoring.embedded import EmbeddedTarget
from esm_client.core.scoring.features import as_features
from esm_client.core.scoring.map_scores import Embedded
from esm_client.core.scoring.sketch import TargetSketch
from esm_client.remote.http.requests import checked
from esm_client.remote.resources.rankings import RankingResource

AGAIN_SECONDS = 1.0
PATIENCE = 120.0


def rank_on_server(
    rankings: RankingResource,
    sketch: TargetSketch | bytes,
    folds: Sequence[TargetSketch],
    embedded: Embedded | None,
    wanted: Mapping[str, Any],
    progress: Progress,
    on_job: Callable[[str], None] = unheard,
    on_end: Callable[[str], None] = unheard,
) -> RankingReceipt:
    """The receipt of a new ranking; `wanted` are the other fields of RankingCreate.

    on_job: told the id of a ranking that is not done yet, before it is waited for. on_end: as of
    `finished`.
    """
    known = TargetSketch.from_bytes(sketch) if isinstance(sketch, bytes) else sketch
    data = sketch if isinstance(sketch, bytes) else sketch.to_bytes()
    target: dict[str, Any] = {"sketch": _encoded(data), "folds": _encoded_folds(folds)}
    if embedded is not None:
        matrix, labels = embedded
        if known.views is not None and as_features(matrix).shape[1] == known.width:
            matrix = np.asarray(matrix)[:, : known.dimension]  # maps that read views need no rows
        target["embedded"] = _encoded(EmbeddedTarget.of(matrix, labels, kind=known.kind).to_bytes())
    request = checked(RankingCreate, {**wanted, **target})
    answer = rankings.create(request)
    if isinstance(answer, RankingJob):
        on_job(answer.id)
    return finished(rankings, answer, progress, f"Ranking in {request.space}", on_end)


def _encoded_folds(folds: Sequence[TargetSketch]) -> list[bytes]:
    with warnings.catch_warnings():  # what they reveal was said when they were asked for
        warnings.simplefilter("ignore", DisclosureWarning)
        return [_encoded(fold.to_bytes()) for fold in folds]


def _encoded(data: bytes) -> bytes:
    return base64.b64encode(data)


def finished(
    rankings: RankingResource,
    answer: RankingReceipt | RankingJob,
    progress: Progress,
    step: str = "Ranking",
    on_end: Callable[[str], None] = unheard,
) -> RankingReceipt:
    """The receipt, once it is there; raises what the ranking failed with.

    progress: called with `step`, and how many ESMs are scored of how many. on_end: told the id of
    a ranking that will never be there: it failed, or was called off.

    A connection that breaks meanwhile is opened again, for PATIENCE seconds if nobody answers, or
    only to say that there are too many requests: in that time a server has started anew and goes on
    with its jobs. Whoever stops waiting, by Ctrl-C
    for instance, calls the ranking off.
    """
    silent: float | None = None
    try:
        while isinstance(answer, RankingJob):
            _raise_if_over(answer, on_end)
            asked = monotonic()
            try:
                if _follow(rankings, answer.id, progress, step):
                    asked = monotonic()
                answer, silent = rankings.get(answer.id), None
            except (ConnectionFailed, Unavailable, RateLimited) as error:
                silent = silent or asked
                if monotonic() >= silent + PATIENCE:
                    goes_on = f'The ranking goes on there: `Client.ranking("{answer.id}")`'
                    raise error.replaced(hint=goes_on) from error
            if isinstance(answer, RankingJob):
                sleep(AGAIN_SECONDS)
    except (KeyboardInterrupt, SystemExit):
        if isinstance(answer, RankingJob):
            with suppress(EsmError):
                rankings.cancel(answer.id)
            on_end(answer.id)
        raise
    return answer


def _follow(rankings: RankingResource, identifier: str, progress: Progress, step: str) -> bool:
    """Tell the progress for as long as the server tells it; whether anybody answered."""
    try:
        for job in rankings.follow(identifier):
            progress(step, job.done, job.total)
    except ConnectionFailed as error:  # the next request tells whether anybody is there
        return not error.facts.get("gave_up")
    except RateLimited:  # there are too many requests beside this one: the ranking goes on
        return True
    return True


def _raise_if_over(job: RankingJob, on_end: Callable[[str], None]) -> None:
    has_ended = job.state in ("failed", "cancelled")
    if has_ended or job.problem is not None:
        on_end(job.id)
    if job.problem is not None:
        raise job.problem.error()
    if has_ended:
        raise Conflict(f"The ranking {job.id} was {job.state}.", "Rank again.")
