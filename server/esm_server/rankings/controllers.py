"""/v1/rankings."""

import asyncio
from collections.abc import AsyncGenerator
from time import monotonic
from typing import Annotated, Any

from litestar import Controller, Request, Response, delete, get, post
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import Parameter
from litestar.response import ServerSentEvent

from esm_client.core.schemas import RankingCreate, RankingJob, RankingReceipt
from esm_server.auth.caller import Caller
from esm_server.auth.guards import requires
from esm_server.connections.turns import Gate
from esm_server.problems import problems
from esm_server.rankings.incoming import MAX_BODY_BYTES, RankingUpload, read_ranking
from esm_server.rankings.running import Ranking
from esm_server.rankings.service import RankingService
from esm_server.responses import ContractResponse

EVENT_SECONDS = 0.25
EVENT_AGAIN_SECONDS = 15.0
"""After which an unchanged job is told again, so that nobody takes the stream for broken."""

_BEGINNING = Gate(2)
"""Rankings that are begun at a time: a target is decoded then, to several times its bytes."""

RankingId = Annotated[str, Parameter(max_length=100)]
_ON_ITS_WAY = ResponseSpec(RankingJob, description="Not done yet", generate_examples=False)


class RankingController(Controller):
    """Rankings for a target sketch; the sketch is discarded, the receipt stays."""

    path = "/v1/rankings"
    tags = ("rankings",)
    guards = (requires("read"),)

    @post(
        "/",
        operation_class=RankingUpload,
        responses={**problems(404, 409, 429, 507), 202: _ON_ITS_WAY},
        request_max_body_size=MAX_BODY_BYTES,
    )
    async def create_ranking(
        self, request: Request[Any, Any, Any], rankings: RankingService, caller: Caller
    ) -> Response[RankingReceipt]:
        """Score the latest version of every ESM of a space, best first.

        What takes longer than `wait` becomes a job: ask for it again, or listen to its events.
        """
        held = rankings.targets.of(caller.name)
        try:
            wanted = await read_ranking(request, held)
            ranking = await _begun(rankings, wanted, caller)
        except BaseException:
            held.release()
            raise
        ranking.when_over(held.release)
        try:
            is_over = await _over(ranking, request, wanted.wait)
        except BaseException:  # whoever asked has gone
            await asyncio.to_thread(rankings.give_up, ranking)
            raise
        if ranking.error is not None:
            raise ranking.error
        if not is_over:
            job: Any = await asyncio.to_thread(rankings.keep, ranking)
            return ContractResponse(job, status_code=202)
        return ContractResponse(ranking.receipt)  # pyright: ignore[reportReturnType]

    @get(
        "/{ranking_id:str}",
        responses={**problems(404), 202: _ON_ITS_WAY},
        sync_to_thread=True,
    )
    def get_ranking(
        self, rankings: RankingService, caller: Caller, ranking_id: RankingId
    ) -> Response[RankingReceipt]:
        """A receipt, or how far it is, for the user who asked for it and for admins."""
        found: Any = rankings.get(ranking_id, caller)
        return ContractResponse(found, status_code=202 if isinstance(found, RankingJob) else 200)

    @delete("/{ranking_id:str}", responses=problems(404, 409), sync_to_thread=True)
    def cancel_ranking(
        self, rankings: RankingService, caller: Caller, ranking_id: RankingId
    ) -> None:
        """Call a ranking off that is not done yet."""
        rankings.cancel(ranking_id, caller)

    @get(
        "/{ranking_id:str}/events",
        media_type="text/event-stream",
        responses=problems(404),
    )
    async def follow_ranking(
        self, rankings: RankingService, caller: Caller, ranking_id: RankingId
    ) -> ServerSentEvent:
        """How far a ranking is, as server-sent events, until it is over; each is a RankingJob."""
        first = await asyncio.to_thread(rankings.job, ranking_id, caller)

        async def events() -> AsyncGenerator[dict[str, Any]]:
            job = first
            while True:
                yield {"event": job.state, "data": job.model_dump_json()}
                if job.state not in ("queued", "running"):
                    return
                before, told = job, monotonic()
                while job == before and monotonic() < told + EVENT_AGAIN_SECONDS:
                    await asyncio.sleep(EVENT_SECONDS)
                    if rankings.is_closed:  # the job goes on after the next start
                        return
                    active = rankings.active_job(ranking_id, caller)  # no thread for each stream
                    job = active or await asyncio.to_thread(rankings.job, ranking_id, caller)

        return ServerSentEvent(events())


async def _begun(rankings: RankingService, wanted: RankingCreate, caller: Caller) -> Ranking:
    async with _BEGINNING:
        return await asyncio.to_thread(rankings.start, wanted, caller)


async def _over(ranking: Ranking, request: Request[Any, Any, Any], seconds: float) -> bool:
    """Whether a ranking ended within some seconds; raises CancelledError when the caller left."""
    loop, over = asyncio.get_running_loop(), asyncio.Event()
    ranking.when_over(lambda: loop.call_soon_threadsafe(over.set))
    ended = asyncio.ensure_future(over.wait())
    left = asyncio.ensure_future(_left(request))
    try:
        await asyncio.wait({ended, left}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        if left.done() and not over.is_set():
            raise asyncio.CancelledError
        return over.is_set()
    finally:
        ended.cancel()
        left.cancel()


async def _left(request: Request[Any, Any, Any]) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
