"""GET /v1/esms."""

from typing import Annotated

from litestar import Controller, get
from litestar.params import Parameter

from esm_client.core.schemas import Esm, EsmQuery, Page
from esm_server.auth.caller import Caller
from esm_server.auth.guards import requires
from esm_server.finding.service import FindingService
from esm_server.pagination import DEFAULT_LIMIT, After, Limit, Slice
from esm_server.problems import problems


class FindingController(Controller):
    """Lists and searches."""

    path = "/v1/esms"
    tags = ("esms",)
    guards = (requires("read"),)

    @get("/", responses=problems(404), sync_to_thread=True)
    def list_esms(
        self,
        finding: FindingService,
        caller: Caller,
        space: Annotated[str | None, Parameter(max_length=96)] = None,
        after: After = None,
        limit: Limit = DEFAULT_LIMIT,
    ) -> Page[Esm]:
        """ESMs by name, of one space if it is named."""
        return finding.list(caller, EsmQuery(space=space), Slice(after, limit))
