"""Rankings: begun here, scored by the engine in the background, ended with a receipt."""

import hashlib
import logging
import time
from collections import Counter
from dataclasses import replace
from threading import Event
from typing import Any
from uuid import uuid4

from pydantic import ValidationError

from esm_client.core.artifact.directory import MODEL
from esm_client.core.errors import Cancelled, Conflict, EsmError
from esm_client.core.schemas import Problem, RankingCreate, RankingJob, RankingReceipt
from esm_client.core.scoring.sketch import TargetSketch
from esm_server.auth.caller import Caller
from esm_server.auth.service import AuthService
from esm_server.db import RankingJobRow
from esm_server.db.database import Database
from esm_server.engine.request import Choose, PoolScores, Progress, Request
from esm_server.engine.scoring import Engine
from esm_server.held_bytes import HeldBytes
from esm_server.rankings.candidates import Pool, read_pool
from esm_server.rankings.checking import check_target, without_folds
from esm_server.rankings.prefiltering import Prefiltering
from esm_server.rankings.queue import Outcome, RankingQueue, unexpected
from esm_server.rankings.reading import as_of_now, may_see, unknown_ranking
from esm_server.rankings.receipt import Target, store_receipt
from esm_server.rankings.repository import RUNNING, RankingJobRepository, RankingRepository
from esm_server.rankings.running import Ranking, end_state
from esm_server.rankings.stored import as_asked, as_stored
from esm_server.rankings.uncertainty import jackknife
from esm_server.rankings.watching import Watch
from esm_server.spaces.service import require_id
from esm_server.stopping import stopping
from esm_server.telemetry.logs import event
from esm_server.telemetry.metrics import Metrics
from esm_server.telemetry.traces import span

_LOG = logging.getLogger("esm_server")
TIDY_EVERY = 20
"""Rankings of a space after which its shelves are looked at."""
MAX_TARGET_BYTES = 512 * 2**20
"""Of targets that arrive, wait or are ranked; the half of it for one user."""


class RankingService:
    """Rankings of one registry."""

    def __init__(
        self, database: Database, engine: Engine, queue: RankingQueue, auth: AuthService,
        prefiltering: Prefiltering, metrics: Metrics, *, budget: float,
    ) -> None:  # fmt: skip
        self._database, self._engine, self._queue, self._auth = database, engine, queue, auth
        self._prefiltering, self._metrics, self._budget = prefiltering, metrics, budget
        self._active: dict[str, Ranking] = {}
        self._rankings: Counter[int] = Counter()
        self._watch = Watch(auth, self._active, self._end)
        self._is_closed = False
        self.targets = HeldBytes(MAX_TARGET_BYTES, "Rankings of {} hold targets")
        """What of targets is in memory; whoever reads a request takes room there."""

    def start(self, request: RankingCreate, caller: Caller) -> Ranking:
        """Begin to score the ESMs of a space.

        Raises NotFound, InvalidSketch, InvalidLabels, InvalidEmbeddings, DimensionMismatch,
        SpaceMismatch, RateLimited, and Unauthorized for a token that ended while it was sent. Takes
        memory of several times the target while it runs; of what is decoded nothing is kept.
        """
        self._auth.recheck(caller)
        return self._start(Ranking(uuid4().hex, request, caller))

    def keep(self, ranking: Ranking) -> RankingJob:
        """Store it as a job that survives this process, for somebody who comes back for it."""
        request, target = as_stored(ranking.request)
        row = RankingJobRow(
            id=ranking.id, token_id=ranking.caller.token_id, state=RUNNING, request=request,
            sketch=target, problem=None,
        )  # fmt: skip
        with self._database.write() as session:
            RankingJobRepository(session).add(row)
        ranking.is_stored = True
        if self._is_closed:  # however it ended here: the next start runs it, if need be
            return RankingJob(id=ranking.id, state="queued")
        if ranking.is_over:  # before it was stored: whoever ended it knew of no job
            self._end_job(ranking)
        return ranking.job()

    def give_up(self, ranking: Ranking) -> None:
        """The only one who waited has gone."""
        if not ranking.is_stored:
            self._end(ranking, Cancelled("Whoever asked for the ranking has gone.", "Rank again."))

    def get(self, ranking_id: str, caller: Caller) -> RankingReceipt | RankingJob:
        """A receipt as of now, or the job that is to make it; raises NotFound, also for others'."""
        # First what runs here: one that ends after this look has stored its receipt before it.
        active = self.active_job(ranking_id, caller)
        if active is not None and active.state != "done":
            return active
        with self._database.read() as session:
            found = RankingRepository(session).find(ranking_id)
            if found is not None and may_see(caller, *found[1:]):
                return as_of_now(session, caller, found[0])
        return self.job(ranking_id, caller)

    def job(self, ranking_id: str, caller: Caller) -> RankingJob:
        """How far a ranking is; raises NotFound."""
        if (active := self.active_job(ranking_id, caller)) is not None:
            return active
        with self._database.read() as session:
            receipt = RankingRepository(session).find(ranking_id)
            if receipt is not None and may_see(caller, *receipt[1:]):
                return RankingJob(id=ranking_id, state="done")
            found = RankingJobRepository(session).find(ranking_id)
        if found is None or not may_see(caller, *found[1:]):
            raise unknown_ranking(ranking_id)
        row = found[0]
        return RankingJob.model_validate({"id": row.id, "state": row.state, "problem": row.problem})

    def active_job(self, ranking_id: str, caller: Caller) -> RankingJob | None:
        """The same of a ranking that this process works on, which takes no time; else None."""
        active = self._active.get(ranking_id)
        if active is None or not may_see(caller, *active.asked_by):
            return None
        return active.job()

    def cancel(self, ranking_id: str, caller: Caller) -> None:
        """Call a ranking off; raises NotFound, and Conflict when it is over."""
        active = self._active.get(ranking_id)
        if active is not None and not active.is_over and may_see(caller, *active.asked_by):
            self._end(active, Cancelled("The ranking was cancelled.", "Rank again."))
            return
        state = self.job(ranking_id, caller).state
        raise Conflict(f"The ranking {ranking_id} is {state}.", "Nothing was changed.")

    def resume(self) -> None:
        """Open the maps at hand, and run again what a former process was at."""
        self._engine.open_all()
        self._watch.start()
        with self._database.write() as session:
            jobs = RankingJobRepository(session)
            jobs.end_answered()
            unfinished = jobs.unfinished()
        for ranking_id in unfinished:
            try:
                self._start(self._former(ranking_id), is_bounded=False)
            except (EsmError, ValidationError) as cause:
                error = cause if isinstance(cause, EsmError) else unexpected()
                _LOG.warning("the ranking %s cannot be run again: %s", ranking_id, cause)
                with self._database.write() as session:
                    RankingJobRepository(session).end(ranking_id, "failed", _dumped(error))

    def _former(self, ranking_id: str) -> Ranking:
        with self._database.read() as session:
            found = RankingJobRepository(session).find(ranking_id)
        if found is None:
            raise unknown_ranking(ranking_id)
        row = found[0]
        request = as_asked(row.request, row.sketch or b"")
        ranking = Ranking(row.id, request, self._auth.of_token(row.token_id))
        ranking.is_stored = True
        return ranking

    @property
    def is_closed(self) -> bool:
        """Whether the server is stopping: no ranking gets any further."""
        return self._is_closed

    def close(self) -> None:
        """End the workers; jobs stay for the next start, others are to be asked for again."""
        self._is_closed = True
        self._watch.close()
        self._queue.close()
        for ranking in list(self._active.values()):
            if not ranking.is_stored:
                ranking.end(stopping())
        self._engine.close()

    def _start(self, ranking: Ranking, *, is_bounded: bool = True) -> Ranking:
        request, caller = ranking.request, ranking.caller
        pool = read_pool(self._database, request, caller)
        columns = check_target(request, pool.space)
        digest = hashlib.sha256(request.sketch).hexdigest()
        self._active[ranking.id] = ranking
        if self._is_closed:  # after the line above: `close` ends what it finds there
            raise stopping()

        def finish(outcome: Outcome) -> None:
            self._finish(ranking, pool, digest, outcome)

        def choose() -> Choose | None:
            return self._prefiltering.of(pool, needed=request.mode == "prefiltered")

        def compute(progress: Progress, cancelled: Event) -> PoolScores:
            without = without_folds(request)  # before the work: they may not do
            wanted = Request(
                space_id=require_id(pool.space), sketch=request.sketch,
                intercept=request.intercept, digests=pool.digests, owner=caller.name,
                mode=request.mode, choose=choose, budget=self._budget,
                embedded=request.embedded, columns=columns,
            )  # fmt: skip
            name, count = request.space, len(pool.digests)
            with span("ranking", ranking=ranking.id, space=name, mode=request.mode, esms=count):
                scores = self._engine.score(wanted, progress, cancelled)
            if not without:
                return scores

            def score(one: Request) -> PoolScores:
                return self._engine.score(one, None, cancelled)

            return replace(scores, jackknife=jackknife(score, wanted, scores, without))

        def afterwards(scores: PoolScores) -> None:
            self._prefiltering.audit(pool, scores)
            self._tidy(pool)

        key = f"{digest} {_beside(request)} {request.intercept} {request.mode} {pool.digest}"
        ranking.waiter = finish
        try:
            ranking.computation = self._queue.submit(
                key, caller.name, compute, finish, afterwards, is_bounded=is_bounded
            )
        except EsmError:
            del self._active[ranking.id]
            raise
        return ranking

    def _finish(self, ranking: Ranking, pool: Pool, digest: str, outcome: Outcome) -> None:
        end: RankingReceipt | EsmError
        if isinstance(outcome, EsmError):
            end = outcome
        else:
            try:
                self._auth.of_token(ranking.caller.token_id)  # it may have ended meanwhile
                target = Target(TargetSketch.from_bytes(ranking.request.sketch), digest)
                recall = self._prefiltering.recall(pool)
                end = store_receipt(self._database, ranking, pool, target, outcome, recall)
            except EsmError as error:
                end = error
            except Exception as error:
                _LOG.exception("a receipt could not be made", exc_info=error)
                end = unexpected()
        self._end(ranking, end)

    def _tidy(self, pool: Pool) -> None:
        """Now and then, let the engine forget maps of versions that were deleted."""
        space = require_id(pool.space)
        self._rankings[space] += 1
        if self._rankings[space] % TIDY_EVERY:
            return
        with self._database.read() as session:
            live = RankingRepository(session).file_digests(space, MODEL)
        self._engine.pool(space).compact(live)

    def _end(self, ranking: Ranking, end: RankingReceipt | EsmError) -> None:
        """End a ranking for all who ask for it; what cannot be stored is remembered here."""
        if ranking.computation is not None:
            self._queue.leave(ranking.computation, ranking.waiter)
        if not ranking.end(end):
            return
        self._tell(ranking)
        if ranking.is_stored:
            try:
                self._end_job(ranking)
            except EsmError as error:
                _LOG.warning("the end of %s could not be stored: %s", ranking.id, error)
                ranking.forget_target()
                return
        self._active.pop(ranking.id, None)

    def _tell(self, ranking: Ranking) -> None:
        """Note in log and metrics how it ended."""
        state, seconds = end_state(ranking.error), time.perf_counter() - ranking.started
        self._metrics.count_ranking(state, seconds)
        event(
            _LOG, "ranking", f"ranking {ranking.id} {state} {seconds * 1000:.0f}ms",
            ranking=ranking.id, state=state, seconds=round(seconds, 6),
            space=ranking.request.space, user=ranking.caller.name,
            code=None if ranking.error is None else ranking.error.code,
        )  # fmt: skip

    def _end_job(self, ranking: Ranking) -> None:
        with self._database.write() as session:
            jobs = RankingJobRepository(session)
            jobs.end(ranking.id, end_state(ranking.error), _dumped(ranking.error))


def _beside(request: RankingCreate) -> str:
    """The digest of what was sent beside the sketch."""
    digest = hashlib.sha256()
    for part in (*request.folds, request.embedded or b""):
        digest.update(part)
    return digest.hexdigest()


def _dumped(error: EsmError | None) -> dict[str, Any] | None:
    return None if error is None else Problem.of(error).model_dump(mode="json")
