"""/v1/spaces."""

from typing import Annotated

from litestar import Controller, get, patch, post
from litestar.params import Parameter

from esm_client.core.limits import MAX_SPACE_JSON_BYTES
from esm_client.core.schemas import Page, Space, SpaceCreate, SpaceDetail, SpaceUpdate
from esm_server.auth.caller import Caller
from esm_server.auth.guards import requires
from esm_server.pagination import DEFAULT_LIMIT, After, Limit, Slice
from esm_server.problems import problems
from esm_server.spaces.service import SpaceService

SpaceName = Annotated[str, Parameter(max_length=96)]
_WRITES = problems(404, 409, 507)


class SpaceController(Controller):
    """Embedding spaces."""

    path = "/v1/spaces"
    tags = ("spaces",)
    guards = (requires("read"),)

    @get("/", responses=problems(), sync_to_thread=True)
    def list_spaces(
        self,
        spaces: SpaceService,
        caller: Caller,
        after: After = None,
        limit: Limit = DEFAULT_LIMIT,
    ) -> Page[Space]:
        """All spaces by name."""
        return spaces.list(caller, Slice(after, limit))

    @get("/{name:str}", responses=problems(404), sync_to_thread=True)
    def get_space(self, spaces: SpaceService, caller: Caller, name: SpaceName) -> SpaceDetail:
        """One space with the canary embeddings that decide who belongs to it."""
        return spaces.get(caller, name)

    @post(
        "/",
        guards=[requires("write")],
        responses=_WRITES,
        request_max_body_size=MAX_SPACE_JSON_BYTES,
        sync_to_thread=True,
    )
    def create_space(self, spaces: SpaceService, caller: Caller, data: SpaceCreate) -> SpaceDetail:
        """A new space, made by hand; else the first push of an ESM makes it."""
        return spaces.create(caller, data)

    @patch("/{name:str}", guards=[requires("write")], responses=_WRITES, sync_to_thread=True)
    def update_space(
        self, spaces: SpaceService, caller: Caller, name: SpaceName, data: SpaceUpdate
    ) -> SpaceDetail:
        """Change where its base model lies, retire it, or name its successor."""
        return spaces.update(caller, name, data)
