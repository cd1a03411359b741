"""What a ranking says, put together alike by a server and by a ranking on this machine.

Nothing here has a default: what one side leaves out would silently be missing there.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from esm_client.core.errors import DimensionMismatch, EsmError
from esm_client.core.schemas import (
    EsmFilter,
    RankedEsm,
    RankingReceipt,
    SkippedEsm,
    Source,
    SourceTask,
)
from esm_client.core.schemas.rankings import Mode
from esm_client.core.scoring.evidence import SCORE_NAME, SCORE_VERSION
from esm_client.core.scoring.sketch import TargetSketch
from esm_client.core.spaces import SpaceFingerprint
from esm_client.core.views import SpaceViews


@dataclass(frozen=True, slots=True, kw_only=True)
class RankingFacts:
    """What was asked for, and how the pool was scored."""

    id: str
    space: str
    fingerprint: SpaceFingerprint | None
    """Of what made the embeddings, if that was said; it was compared with the space's."""
    created_at: datetime
    created_by: str
    intercept: bool
    filter: EsmFilter
    identity_score: float
    pool_generation: int
    pool_size: int
    mode: Mode
    num_exact: int
    margin: float
    prefilter_recall: float | None


def receipt_of(
    facts: RankingFacts,
    sketch: TargetSketch,
    rows: Sequence[RankedEsm],
    skipped: Sequence[SkippedEsm],
    seconds: float,
) -> RankingReceipt:
    """The receipt of a ranking for the target of a sketch; rows in their order."""
    return RankingReceipt(
        id=facts.id,
        space=facts.space,
        space_verified=_is_verified(facts.fingerprint, sketch),
        created_at=facts.created_at,
        created_by=facts.created_by,
        score_name=SCORE_NAME,
        score_version=SCORE_VERSION,
        intercept=facts.intercept,
        filter=facts.filter,
        kind=sketch.kind,
        num_rows=sketch.num_rows,
        num_label_columns=sketch.num_label_columns,
        label_map_digest=sketch.label_map_digest,
        identity_score=facts.identity_score,
        pool_generation=facts.pool_generation,
        pool_size=facts.pool_size,
        mode=facts.mode,
        num_exact=facts.num_exact,
        prefilter_recall=facts.prefilter_recall,
        margin=facts.margin,
        rows=list(rows),
        skipped=list(skipped),
        seconds=seconds,
    )


def _is_verified(fingerprint: SpaceFingerprint | None, sketch: TargetSketch) -> bool:
    """Whether canaries speak for all columns; those of embeddings alone say nothing of views."""
    if fingerprint is None:
        return False
    return sketch.views is None or fingerprint.identity.views is not None


def ranked_row(
    *,
    reference: str,
    digest: str,
    task: SourceTask,
    source: Source,
    has_source_model: bool,
    near_duplicate_of: str | None,
    score: float,
    is_exact: bool,
    identity_score: float,
) -> RankedEsm:
    """A row before `core.ordering.ordered` gives it its rank."""
    return RankedEsm(
        reference=reference,
        digest=digest,
        task=task,
        source=source,
        has_source_model=has_source_model,
        near_duplicate_of=near_duplicate_of,
        score=score,
        is_exact=is_exact,
        gain=score - identity_score,
    )


def skipped_row(reference: str, digest: str, error: EsmError) -> SkippedEsm:
    """An ESM that could not be scored, and why."""
    return SkippedEsm(reference=reference, digest=digest, code=error.code, reason=str(error))


def check_dimension(
    sketch: TargetSketch, space: str, dimension: int, views: SpaceViews | None, hint: str
) -> None:
    """Raise DimensionMismatch unless a sketch is of embeddings as a space has them."""
    if sketch.dimension != dimension:
        raise DimensionMismatch(
            f"The sketch has {sketch.dimension} dimensions, the space {space!r} has {dimension}.",
            hint,
            space=space,
            dimension=dimension,
            given=sketch.dimension,
        )
    if sketch.views != (views.of_sketch(dimension) if views else None):
        has, wanted = sketch.views, views or "none"
        raise DimensionMismatch(
            f"The sketch has {has.count if has else 'no'} views of an inner layer, and the space "
            f"{space!r} has {wanted}.",
            hint,
            space=space,
            dimension=dimension,
            given=sketch.width,
        )
