"""GET /v1/esms and /v1/esms/facets."""

from typing import Annotated, Any

from litestar import Controller, get
from litestar.di import Provide
from litestar.params import Parameter
from pydantic import ValidationError

from esm_client.core.errors import InvalidInput
from esm_client.core.schemas import Esm, EsmQuery, Facets, Page, Sort, SourceKind
from esm_server.auth.caller import Caller
from esm_server.auth.guards import requires
from esm_server.finding.service import FindingService
from esm_server.pagination import DEFAULT_LIMIT, After, Limit, Slice
from esm_server.problems import problems

Choices = Annotated[list[str] | None, Parameter(max_items=50, description="Any of these")]


def esm_query(
    text: Annotated[str | None, Parameter(query="q", max_length=200)] = None,
    space: Annotated[str | None, Parameter(max_length=96)] = None,
    task: Choices = None,
    kind: SourceKind | None = None,
    language: Choices = None,
    domain: Choices = None,
    licence: Choices = None,
    architecture: Choices = None,
    namespace: Choices = None,
    owner: Choices = None,
    tag: Choices = None,
    exclude: Annotated[list[str] | None, Parameter(max_items=200)] = None,
    yanked: bool = False,
    sort: Sort | None = None,
) -> EsmQuery:
    """What the query parameters ask for; raises InvalidInput."""
    given: dict[str, Any] = {key: value for key, value in locals().items() if value is not None}
    try:
        return EsmQuery(**given)
    except ValidationError as cause:
        problem = cause.errors(include_url=False)[0]
        raise InvalidInput(
            f"{problem['loc'][0]} is {str(problem['input'])[:100]!r}: {problem['msg'].lower()}.",
            "GET /openapi.json shows what is expected.",
        ) from cause


class FindingController(Controller):
    """Lists and searches."""

    path = "/v1/esms"
    tags = ("esms",)
    guards = (requires("read"),)
    dependencies = {"wanted": Provide(esm_query, sync_to_thread=False)}  # noqa: RUF012

    @get("/", responses=problems(404), sync_to_thread=True)
    def list_esms(
        self,
        finding: FindingService,
        caller: Caller,
        wanted: EsmQuery,
        after: After = None,
        limit: Limit = DEFAULT_LIMIT,
    ) -> Page[Esm]:
        """ESMs with their latest versions, by name, or by relevance where `q` is searched for."""
        return finding.list(caller, wanted, Slice(after, limit))

    @get("/facets", responses=problems(404), sync_to_thread=True)
    def count_esms(self, finding: FindingService, caller: Caller, wanted: EsmQuery) -> Facets:
        """How many ESMs match, and their most frequent values by field."""
        return finding.facets(caller, wanted)
