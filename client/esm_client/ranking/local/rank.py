"""Ranking from a pulled space: the same kernels and the same shield, no server."""

import time
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from uuid import uuid4

import numpy as np

from esm_client.core.errors import EsmError, Unavailable
from esm_client.core.ordering import leave_out, ordered
from esm_client.core.progress import Progress, silent
from esm_client.core.receipt import (
    RankingFacts,
    check_dimension,
    ranked_row,
    receipt_of,
    skipped_row,
)
from esm_client.core.schemas import (
    EsmFilter,
    EsmVersionDetail,
    RankedEsm,
    SkippedEsm,
)
from esm_client.core.scoring.jackknife import left_out
from esm_client.core.scoring.map_scores import Embedded, MapScorer
from esm_client.core.scoring.sketch import TargetSketch
from esm_client.core.shield.source import TargetHashes
from esm_client.core.spaces import SpaceFingerprint
from esm_client.core.uncertainty import ROWS, check_folds_of, with_errors
from esm_client.ranking.local.pool import check_space_of, filtered, sketches_of
from esm_client.ranking.local.scoring import scored
from esm_client.ranking.local.space import LocalSpace
from esm_client.ranking.ranking import LOCAL, Ranking
from esm_client.ranking.shield import MAX_ROWS, examine


def rank_locally(
    local: LocalSpace,
    sketch: TargetSketch,
    *,
    fingerprint: SpaceFingerprint | None = None,
    intercept: bool = True,
    target_rows: Iterable[Sequence[str]] | None = None,
    keep_copies: bool = False,
    filter: EsmFilter | None = None,  # noqa: A002 - the contract's own word
    folds: Sequence[TargetSketch] = (),
    embedded: Embedded | None = None,
    progress: Progress = silent,
) -> Ranking:
    """Score the ESMs of a pulled space for a target; nothing leaves this machine.

    Everything is scored exactly; with `embedded`, base embeddings and labels of the target, MLP
    maps too. The other arguments as for `Client.rank`.
    Raises DimensionMismatch, SpaceMismatch, InvalidLabels, InvalidSketch, and NotFound for a
    filter that leaves no ESM.
    """
    started = time.perf_counter()
    _check_target(local, sketch, fingerprint)
    if folds:
        check_folds_of(sketch, folds)
    wanted = filter or EsmFilter()
    pool = filtered(local, wanted)
    scorer = MapScorer(sketch, embedded, intercept=intercept)
    rows, skipped = _rows(local, pool, scorer, progress)
    rows = ordered(rows, sketch, intercept=intercept)
    if folds:
        rows = _with_errors(local, pool, rows, folds, intercept=intercept)
    facts = RankingFacts(
        id=f"{LOCAL}{uuid4().hex[:12]}",
        space=local.content.space.name,
        fingerprint=fingerprint,
        created_at=datetime.now(UTC),
        created_by="",
        intercept=intercept,
        filter=wanted,
        identity_score=scorer.identity,
        pool_generation=local.content.generation,
        pool_size=len(pool),
        mode="exhaustive",
        num_exact=len(rows),
        margin=0.0,
        prefilter_recall=None,
    )
    receipt = receipt_of(facts, sketch, rows, skipped, time.perf_counter() - started)
    target = None if target_rows is None else TargetHashes.of(target_rows)
    sketches = sketches_of(local, pool, (row.digest for row in rows[:MAX_ROWS]))
    report = examine(rows, sketches, target, keep_copies=keep_copies)
    return Ranking(receipt, leave_out(rows, report.left_out), report)


def _check_target(
    local: LocalSpace, sketch: TargetSketch, fingerprint: SpaceFingerprint | None
) -> None:
    space = local.content.space
    check_dimension(
        sketch, space.name, space.identity.dimension, space.identity.views,
        "Embed the target with the base model and the views of that space.",
    )  # fmt: skip
    if fingerprint is not None:
        check_space_of(local, fingerprint)


def _rows(
    local: LocalSpace, pool: Sequence[EsmVersionDetail], scorer: MapScorer, progress: Progress
) -> tuple[list[RankedEsm], list[SkippedEsm]]:
    rows: list[RankedEsm] = []
    skipped = _lost(local)
    step = f"Ranking in {local.content.space.name}"
    for done, (detail, score) in enumerate(scored(local, pool, scorer), start=1):
        if isinstance(score, EsmError):
            skipped.append(skipped_row(detail.reference, detail.digest, score))
        else:
            rows.append(_row(local, detail, score, scorer.identity))
        progress(step, done, len(pool))
    return rows, skipped


def _with_errors(
    local: LocalSpace, pool: Sequence[EsmVersionDetail], rows: Sequence[RankedEsm],
    folds: Sequence[TargetSketch], *, intercept: bool,
) -> list[RankedEsm]:  # fmt: skip
    """The best rows scored again for every fold left out; MLP maps stay without an error."""
    best = {row.reference for row in rows[:ROWS]}
    again = [detail for detail in pool if detail.reference in best]
    found: list[Mapping[str, float]] = []
    for sketch in left_out(folds):
        scorer = MapScorer(sketch, None, intercept=intercept)
        scores = ((detail.reference, score) for detail, score in scored(local, again, scorer))
        found.append({name: score for name, score in scores if not isinstance(score, EsmError)})
    references = [name for name in best if all(name in scores for scores in found)]
    return with_errors(
        rows, np.array([[scores[name] for name in references] for scores in found]), references
    )


def _lost(local: LocalSpace) -> list[SkippedEsm]:
    error = Unavailable("The server has lost its files.", "Tell the server's operator.")
    return [
        skipped_row(esm.reference, esm.digest, error)
        for esm in local.content.live
        if esm.reference in local.content.lost
    ]


def _row(local: LocalSpace, detail: EsmVersionDetail, score: float, identity: float) -> RankedEsm:
    return ranked_row(
        reference=detail.reference,
        digest=detail.digest,
        task=detail.task,
        source=detail.source,
        has_source_model=detail.source_model is not None,
        near_duplicate_of=local.live[detail.reference, detail.digest].near_duplicate_of,
        score=score,
        is_exact=True,
        identity_score=identity,
    )
