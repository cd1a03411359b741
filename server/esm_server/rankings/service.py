"""Ranking: read the pool, score it outside any transaction, store the receipt."""

import time
from dataclasses import dataclass
from uuid import uuid4

from esm_client.core.artifact.directory import MODEL
from esm_client.core.errors import DimensionMismatch, NotFound
from esm_client.core.leaving_out import leave_out
from esm_client.core.references import Reference
from esm_client.core.schemas import EsmFilter, RankingCreate, RankingReceipt
from esm_client.core.scoring.sketch import TargetSketch
from esm_client.core.spaces import check_same_space
from esm_server.auth.caller import Caller
from esm_server.db import SpaceRow
from esm_server.db.columns import now
from esm_server.db.database import Database
from esm_server.engine.exhaustive import SCORE_NAME, SCORE_VERSION, PoolMember, score_pool
from esm_server.engine.weights import WeightsCache
from esm_server.finding.conditions import conditions
from esm_server.rankings.later import marked, removed
from esm_server.rankings.order import Candidate, ordered_rows, skipped_rows
from esm_server.rankings.repository import RankingRepository
from esm_server.registry.repository import EsmRepository
from esm_server.spaces.repository import SpaceRepository
from esm_server.spaces.service import find_space, require_id, stored_fingerprint


@dataclass(frozen=True, slots=True)
class _Pool:
    """The latest versions of a space at one moment."""

    space: SpaceRow
    candidates: list[Candidate]


class RankingService:
    """Rankings of one registry."""

    def __init__(self, database: Database, weights: WeightsCache) -> None:
        self._database = database
        self._weights = weights

    def rank(self, request: RankingCreate, caller: Caller) -> RankingReceipt:
        """Score every ESM of a space; the sketch is not kept.

        Raises NotFound, InvalidSketch, InvalidLabels, DimensionMismatch, SpaceMismatch.
        """
        started = time.perf_counter()
        sketch = TargetSketch.from_bytes(request.sketch)
        pool = self._read_pool(request, caller)
        _check_target(request, sketch, pool.space)
        members = [PoolMember(c.reference, c.weights_digest) for c in pool.candidates]
        scores = score_pool(sketch, members, self._weights, intercept=request.intercept)
        receipt = RankingReceipt(
            id=uuid4().hex,
            space=pool.space.name,
            space_verified=request.fingerprint is not None,
            created_at=now(),
            created_by=caller.name,
            score_name=SCORE_NAME,
            score_version=SCORE_VERSION,
            intercept=request.intercept,
            filter=request.filter,
            kind=sketch.kind,
            num_rows=sketch.num_rows,
            num_label_columns=sketch.num_label_columns,
            label_map_digest=sketch.label_map_digest,
            identity_score=scores.identity,
            pool_generation=pool.space.generation,
            pool_size=len(pool.candidates),
            rows=ordered_rows(pool.candidates, scores, sketch, request.intercept),
            skipped=skipped_rows(pool.candidates, scores),
            seconds=time.perf_counter() - started,
        )
        return self._store(receipt, pool, caller)

    def get(self, ranking_id: str, caller: Caller) -> RankingReceipt:
        """A stored receipt, saying what was yanked or deleted since.

        Raises NotFound, also for what belongs to somebody else.
        """
        with self._database.read() as session:
            rankings = RankingRepository(session)
            found = rankings.find(ranking_id)
            if found is None or not (caller.is_admin or found[1] == caller.user_id):
                raise NotFound(
                    f"There is no ranking {ranking_id[:100]!r} of yours.",
                    "Receipts are shown to the user who made them, and to admins.",
                )
            states = rankings.states(found[0].space_id)
        return marked(RankingReceipt.model_validate(found[0].receipt), states)

    def _store(self, receipt: RankingReceipt, pool: _Pool, caller: Caller) -> RankingReceipt:
        """Keep the receipt, without what was yanked or deleted while the pool was scored."""
        space_id = require_id(pool.space)
        with self._database.write() as session:
            rankings = RankingRepository(session)
            if SpaceRepository(session).get(space_id).generation != pool.space.generation:
                gone = removed(pool.candidates, rankings.states(space_id))
                rows = leave_out(receipt.rows, gone)
                skipped = [*receipt.skipped, *gone.values()]
                receipt = receipt.model_copy(update={"rows": rows, "skipped": skipped})
            rankings.add(receipt, space_id, caller.token_id)
        return receipt

    def _read_pool(self, request: RankingCreate, caller: Caller) -> _Pool:
        with self._database.read() as session:
            row = find_space(SpaceRepository(session), request.space)
            esms = EsmRepository(session, caller)
            records = esms.pool(require_id(row), conditions(request.filter))
            if not records and request.filter != EsmFilter():
                raise _nothing_left(request)
            weights = esms.digests_of_file(require_id(row), MODEL)
            with_model = esms.with_source_model(require_id(row))
        candidates = [
            Candidate(
                reference=str(Reference(esm.namespace, esm.name, str(version.version))),
                digest=version.digest,
                weights_digest=weights[version.id],
                task=version.task,
                source=version.source,
                near_duplicate_of=version.near_duplicate_of,
                has_source_model=version.id in with_model,
            )
            for esm, version, _ in records
        ]
        return _Pool(row, candidates)


def _nothing_left(request: RankingCreate) -> NotFound:
    wanted = request.filter.model_dump(exclude_defaults=True, mode="json")
    shown = ", ".join(f"{field} {value}" for field, value in wanted.items())
    return NotFound(
        f"No ESM of the space {request.space!r} passes the filter ({shown[:300]}).",
        f"See what there is: esm-client list --space {request.space} --facets",
    )


def _check_target(request: RankingCreate, sketch: TargetSketch, space: SpaceRow) -> None:
    if sketch.dimension != space.dimension:
        raise DimensionMismatch(
            f"The sketch has {sketch.dimension} dimensions, the space {space.name!r} has "
            f"{space.dimension}.",
            f"Embed the target with {space.base_model}, or name its space with --space.",
        )
    if request.fingerprint is not None:
        check_same_space(space.name, stored_fingerprint(space), request.fingerprint)
