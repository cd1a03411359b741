"""/v1/source-sketches."""

from litestar import Controller, post

from esm_client.core.schemas import Page, SourceSketch, SourceSketchQuery
from esm_server.auth.caller import Caller
from esm_server.auth.guards import requires
from esm_server.problems import problems
from esm_server.shield.service import ShieldService


class ShieldController(Controller):
    """Sketches of the rows behind ESMs; comparing them with a target is the client's part."""

    path = "/v1/source-sketches"
    tags = ("source-sketches",)
    guards = (requires("read"),)

    @post("/", status_code=200, responses=problems(), sync_to_thread=True)
    def query_sketches(
        self, shield: ShieldService, caller: Caller, data: SourceSketchQuery
    ) -> Page[SourceSketch]:
        """The sketches of some versions by digest; nothing of the target travels."""
        return shield.sketches(caller, data)
