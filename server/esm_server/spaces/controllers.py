"""/v1/spaces."""

from typing import Annotated

from litestar import Controller, get
from litestar.params import Parameter

from esm_client.core.schemas import Page, Space, SpaceDetail
from esm_server.auth.guards import requires
from esm_server.pagination import DEFAULT_LIMIT, After, Limit, Slice
from esm_server.problems import problems
from esm_server.spaces.service import SpaceService


class SpaceController(Controller):
    """Embedding spaces."""

    path = "/v1/spaces"
    tags = ("spaces",)
    guards = (requires("read"),)

    @get("/", responses=problems(), sync_to_thread=True)
    def list_spaces(
        self, spaces: SpaceService, after: After = None, limit: Limit = DEFAULT_LIMIT
    ) -> Page[Space]:
        """All spaces by name."""
        return spaces.list(Slice(after, limit))

    @get("/{name:str}", responses=problems(404), sync_to_thread=True)
    def get_space(
        self, spaces: SpaceService, name: Annotated[str, Parameter(max_length=96)]
    ) -> SpaceDetail:
        """One space with the canary embeddings that decide who belongs to it."""
        return spaces.get(name)
