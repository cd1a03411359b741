"""Neighbours of versions and of texts."""

from typing import Annotated

from litestar import Controller, get, post
from litestar.params import Parameter

from esm_client.core.schemas import SimilarEsms, SimilarQuery
from esm_server.auth.caller import Caller
from esm_server.auth.guards import requires
from esm_server.problems import problems
from esm_server.similar.service import SimilarService

Limit = Annotated[int, Parameter(ge=1, le=200)]


class SimilarController(Controller):
    """Sources by nearness instead of by name."""

    path = "/v1"
    tags = ("similar",)
    guards = (requires("read"),)

    @get(
        "/esms/{namespace:str}/{name:str}/versions/{selector:str}/similar",
        responses=problems(404, 409),
        sync_to_thread=True,
    )
    def similar_versions(
        self,
        similar: SimilarService,
        caller: Caller,
        namespace: str,
        name: str,
        selector: str,
        limit: Limit = 10,
    ) -> SimilarEsms:
        """ESMs of the same space that are near by map, and by texts; `limit` of either."""
        return similar.of_version(caller, namespace, name, selector, limit)

    @post("/similar", status_code=200, responses=problems(404), sync_to_thread=True)
    def similar_to_texts(
        self, similar: SimilarService, caller: Caller, data: SimilarQuery
    ) -> SimilarEsms:
        """ESMs whose source texts are near to the mean embedding of some texts."""
        return similar.to_texts(caller, data)
