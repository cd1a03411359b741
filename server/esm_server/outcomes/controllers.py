"""/v1/rankings/{ranking_id}/outcomes and /v1/spaces/{name}/ledger."""

from typing import Annotated

from litestar import Controller, delete, get, post
from litestar.params import Parameter

from esm_client.core.schemas import Ledger, Outcome, OutcomeCreate, Page
from esm_client.core.schemas.outcomes import LABEL
from esm_server.auth.caller import Caller
from esm_server.auth.guards import requires
from esm_server.outcomes.service import OutcomeService
from esm_server.pagination import DEFAULT_LIMIT, After, Limit, Slice
from esm_server.problems import problems
from esm_server.rankings.controllers import RankingId
from esm_server.spaces.controllers import SpaceName

MetricName = Annotated[str, Parameter(pattern=LABEL)]


class OutcomeController(Controller):
    """What came of rankings."""

    path = "/v1"
    tags = ("outcomes",)
    guards = (requires("read"),)

    @post(
        "/rankings/{ranking_id:str}/outcomes",
        guards=[requires("write")],
        responses=problems(404, 409, 507),
        sync_to_thread=True,
    )
    def report_outcome(
        self, outcomes: OutcomeService, caller: Caller, ranking_id: RankingId, data: OutcomeCreate
    ) -> Outcome:
        """Tell how a source task of your ranking did, or the target alone; the last report counts.

        Another report of the same source, metric and seed takes the place of the one before.
        """
        return outcomes.report(caller, ranking_id, data)

    @get("/rankings/{ranking_id:str}/outcomes", responses=problems(404, 409), sync_to_thread=True)
    def list_outcomes(
        self,
        outcomes: OutcomeService,
        caller: Caller,
        ranking_id: RankingId,
        after: After = None,
        limit: Limit = DEFAULT_LIMIT,
    ) -> Page[Outcome]:
        """What was reported, for the user who asked for the ranking and for admins."""
        return outcomes.list(caller, ranking_id, Slice(after, limit))

    @delete(
        "/rankings/{ranking_id:str}/outcomes/{metric_name:str}",
        guards=[requires("write")],
        responses=problems(404, 409),
        sync_to_thread=True,
    )
    def withdraw_outcomes(
        self,
        outcomes: OutcomeService,
        caller: Caller,
        ranking_id: RankingId,
        metric_name: MetricName,
    ) -> None:
        """Take back what you reported of a ranking in one metric, for instance to report anew."""
        outcomes.withdraw(caller, ranking_id, metric_name)

    @get("/spaces/{name:str}/ledger", responses=problems(404), sync_to_thread=True)
    def get_ledger(self, outcomes: OutcomeService, caller: Caller, name: SpaceName) -> Ledger:
        """How good each method's choices in a space were: averages alone, nobody's outcomes."""
        return outcomes.ledger(caller, name)
