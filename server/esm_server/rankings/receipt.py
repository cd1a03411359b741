"""The receipt of a ranking: written once, as it is answered."""

import time
from dataclasses import dataclass

from esm_client.core.ordering import leave_out
from esm_client.core.receipt import RankingFacts, receipt_of
from esm_client.core.schemas import RankedEsm, RankingReceipt, SkippedEsm
from esm_client.core.scoring.sketch import TargetSketch
from esm_client.core.uncertainty import with_errors
from esm_server.db.columns import now
from esm_server.db.database import Database
from esm_server.engine.request import PoolScores
from esm_server.rankings.candidates import Pool
from esm_server.rankings.later import yanked_rows
from esm_server.rankings.order import (
    Records,
    best_first,
    members,
    ordered_rows,
    read_records,
    skipped_rows,
)
from esm_server.rankings.repository import RankingRepository
from esm_server.rankings.running import Ranking
from esm_server.registry.repository import EsmRepository
from esm_server.spaces.repository import SpaceRepository
from esm_server.spaces.service import require_id

READ_AGAIN = 5
"""How often versions are looked up anew when the space changed in between."""


@dataclass(frozen=True, slots=True)
class Target:
    """A decoded sketch and its digest."""

    sketch: TargetSketch
    digest: str


def store_receipt(
    database: Database, ranking: Ranking, pool: Pool, target: Target, scores: PoolScores,
    recall: float | None = None,
) -> RankingReceipt:  # fmt: skip
    """Make and keep the receipt, without what was yanked or deleted while the pool was scored.

    Raises StorageFull, Unavailable.
    """
    best, skipped = best_first(pool.digests, scores, ranking.request.limit)
    wanted = [pool.versions[index] for index in [*best, *skipped]]
    space_id = require_id(pool.space)
    for attempt in range(READ_AGAIN):
        with database.read() as session:
            generation = SpaceRepository(session).get(space_id).generation
            records = read_records(EsmRepository(session, ranking.caller), wanted)
        rows, others = _rows(ranking, pool, target, scores, best, skipped, records)
        receipt = _receipt(ranking, pool, target, scores, rows, others, recall)
        with database.write() as session:
            again = SpaceRepository(session).get(space_id).generation != generation
            if again and attempt + 1 < READ_AGAIN:
                continue
            RankingRepository(session).add(receipt, space_id, ranking.caller.token_id)
        return receipt
    raise AssertionError("the last attempt returns")


def _rows(
    ranking: Ranking, pool: Pool, target: Target, scores: PoolScores,
    best: list[int], skipped: list[int], records: Records,
) -> tuple[list[RankedEsm], list[SkippedEsm]]:  # fmt: skip
    rows = ordered_rows(
        pool, best, records, scores, target.sketch, intercept=ranking.request.intercept
    )
    gone = yanked_rows(rows, records)
    rows = leave_out(rows, {row.reference for row in gone})[: ranking.request.limit]
    if scores.jackknife is not None:
        found = members(pool, best, records)
        references = [found.get(index, "") for index in scores.jackknife.members.tolist()]
        rows = with_errors(rows, scores.jackknife.scores, references)
    return rows, [*skipped_rows(pool, skipped, records, scores), *gone]


def _receipt(
    ranking: Ranking, pool: Pool, target: Target, scores: PoolScores,
    rows: list[RankedEsm], skipped: list[SkippedEsm], recall: float | None,
) -> RankingReceipt:  # fmt: skip
    request = ranking.request
    facts = RankingFacts(
        id=ranking.id,
        space=pool.space.name,
        fingerprint=request.fingerprint,
        created_at=now(),
        created_by=ranking.caller.name,
        intercept=request.intercept,
        filter=request.filter,
        identity_score=scores.identity,
        pool_generation=pool.space.generation,
        pool_size=len(pool.versions),
        mode=scores.mode,
        num_exact=int(scores.exact.sum()),
        margin=scores.margin,
        prefilter_recall=recall if scores.mode == "prefiltered" else None,
    )
    return receipt_of(facts, target.sketch, rows, skipped, time.perf_counter() - ranking.started)
