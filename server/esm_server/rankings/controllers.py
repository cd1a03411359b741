"""/v1/rankings."""

from typing import Annotated

from litestar import Controller, get, post
from litestar.params import Parameter

from esm_client.core.limits import MAX_SKETCH_BYTES
from esm_client.core.schemas import RankingCreate, RankingReceipt
from esm_server.auth.caller import Caller
from esm_server.auth.guards import requires
from esm_server.problems import problems
from esm_server.rankings.service import RankingService

MAX_BODY_BYTES = MAX_SKETCH_BYTES * 3 // 2
"""Largest JSON body of a ranking request: base64 makes a sketch a third longer."""


class RankingController(Controller):
    """Rankings for a target sketch; the sketch is discarded, the receipt stays."""

    path = "/v1/rankings"
    tags = ("rankings",)
    guards = (requires("read"),)

    @post(
        "/",
        responses=problems(404, 409, 507),
        request_max_body_size=MAX_BODY_BYTES,
        sync_to_thread=True,
    )
    def create_ranking(
        self, rankings: RankingService, caller: Caller, data: RankingCreate
    ) -> RankingReceipt:
        """Score the latest version of every ESM of a space, best first."""
        return rankings.rank(data, caller)

    @get("/{ranking_id:str}", responses=problems(404), sync_to_thread=True)
    def get_ranking(
        self,
        rankings: RankingService,
        caller: Caller,
        ranking_id: Annotated[str, Parameter(max_length=100)],
    ) -> RankingReceipt:
        """A receipt, for the token that made it and for admins."""
        return rankings.get(ranking_id, caller)
