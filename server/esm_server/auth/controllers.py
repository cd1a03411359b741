"""GET /v1/whoami."""

from litestar import Controller, get

from esm_client.core.schemas import Identity
from esm_server.auth.guards import requires
from esm_server.auth.service import Caller
from esm_server.problems import problems


class AuthController(Controller):
    """The caller's own token."""

    path = "/v1"
    tags = ("auth",)

    @get("/whoami", guards=[requires("read")], responses=problems(), sync_to_thread=False)
    def whoami(self, caller: Caller) -> Identity:
        """Who this token belongs to."""
        return caller.identity
