"""What is wrong with a request's head: proxies before the server might read it in another way."""

from litestar.types import ASGIApp, Receive, Scope, Send

from esm_client.core.errors import EsmError, InvalidInput, NotFound
from esm_server.connections.refusal import refuse

OPERATOR_PAGE = "/metrics"
"""Proxies keep it from everybody by this very path, so it has no other spelling."""

MAX_PATH = 1000
"""Characters, twice what any path of the API needs. Litestar remembers the last thousand paths and
what it found in them, before it is known who asks."""


class CheckedHeads:
    """ASGI wrapper: refuses requests that do not name one host, long paths, and other spellings of
    /metrics.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or refuse it."""
        error = _fault(scope) if scope["type"] == "http" else None
        if error is None:
            await self._app(scope, receive, send)
        else:
            await refuse(send, error)


def _fault(scope: Scope) -> EsmError | None:
    hosts = [value for name, value in scope["headers"] if name == b"host"]
    # granian writes an empty one where none came; HTTP/1.0, which some probes speak, knew none
    is_missing = not any(hosts) and scope["http_version"] not in ("1", "1.0")
    if is_missing or len(hosts) > 1:
        came = f"{len(hosts)} hosts" if len(hosts) > 1 else "no host"
        return InvalidInput(f"The request names {came}.", "Send one Host header.")
    if len(scope["path"]) > MAX_PATH:
        return InvalidInput(
            f"The path has {len(scope['path'])} characters; at most {MAX_PATH} are read.",
            "GET /openapi.json shows the paths there are.",
        )
    path = "/" + "/".join(part for part in scope["path"].split("/") if part)
    if path == OPERATOR_PAGE and scope["raw_path"] != OPERATOR_PAGE.encode():
        return NotFound(f"There is nothing at {scope['path'][:200]!r}.", f"Ask {OPERATOR_PAGE}.")
    return None
