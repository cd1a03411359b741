"""From scores to the rows of a receipt."""

from dataclasses import dataclass
from typing import Any

from esm_client.core.schemas import RankedEsm, SkippedEsm, Source, SourceTask
from esm_client.core.scoring.margin import TIE_NATS, log_bayes_factor
from esm_client.core.scoring.sketch import TargetSketch
from esm_server.engine.exhaustive import PoolScores


@dataclass(frozen=True, slots=True)
class Candidate:
    """One ESM of the pool."""

    reference: str
    digest: str
    weights_digest: str
    task: dict[str, Any]
    source: dict[str, Any]
    has_source_model: bool = False
    near_duplicate_of: str | None = None


def ordered_rows(
    candidates: list[Candidate], scores: PoolScores, sketch: TargetSketch, intercept: bool
) -> list[RankedEsm]:
    """The scored candidates, best first; equal scores by reference."""
    scored = [(scores.scores[c.reference], c) for c in candidates if c.reference in scores.scores]
    scored.sort(key=lambda pair: (-pair[0], pair[1].reference))
    rows: list[RankedEsm] = []
    for rank, (score, candidate) in enumerate(scored, start=1):
        factor = log_bayes_factor(
            score - scored[0][0],
            kind=sketch.kind,
            num_rows=sketch.num_rows,
            num_label_columns=sketch.num_label_columns,
            intercept=intercept,
        )
        row = RankedEsm(
            rank=rank,
            reference=candidate.reference,
            digest=candidate.digest,
            task=SourceTask.model_validate(candidate.task),
            source=Source.model_validate(candidate.source),
            has_source_model=candidate.has_source_model,
            near_duplicate_of=candidate.near_duplicate_of,
            score=score,
            gain=score - scores.identity,
            log_bayes_factor=factor,
            tied=abs(factor) < TIE_NATS,
        )
        rows.append(row)
    return rows


def skipped_rows(candidates: list[Candidate], scores: PoolScores) -> list[SkippedEsm]:
    """What could not be scored, and why."""
    return [
        SkippedEsm(
            reference=c.reference,
            digest=c.digest,
            code=scores.failures[c.reference].code,
            reason=str(scores.failures[c.reference]),
        )
        for c in candidates
        if c.reference in scores.failures
    ]
