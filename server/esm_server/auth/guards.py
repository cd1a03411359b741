"""Guards: `requires("write")` on a handler reads as the right it needs."""

import asyncio
import ipaddress
from collections.abc import Awaitable, Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from contextvars import copy_context
from typing import Any

from litestar.connection import ASGIConnection
from litestar.handlers.base import BaseRouteHandler

from esm_client.core.errors import Forbidden, Unauthorized
from esm_client.core.schemas import Scope
from esm_server.auth.caller import SCOPES, Caller
from esm_server.auth.service import AuthService
from esm_server.connections.bounds import count_user

Connection = ASGIConnection[Any, Any, Any, Any]
Guard = Callable[[Connection, BaseRouteHandler], Awaitable[None]]

_FORWARDED = (
    "x-forwarded-for", "forwarded", "via", "x-real-ip", "x-forwarded-host", "x-forwarded-proto",
)  # fmt: skip
"""Headers that proxies send, and nobody who asks the server itself."""
_LOOK_UPS = ThreadPoolExecutor(4, "look-up")
"""Of tokens: short, so that few threads do, and no request waits for those that hold the others."""
NOTING_SECONDS = 1.0
"""That a request waits for its token's use to be noted, at most: writers may be before it."""
_OPERATORS = ThreadPoolExecutor(2, "operator")
"""So that no operator waits for threads that users' requests hold."""


def requires(scope: Scope) -> Guard:
    """A guard that lets pass who has a token of at least this scope."""

    async def guard(connection: Connection, _: BaseRouteHandler) -> None:
        caller = await _recognise(connection)
        count_user(connection.scope, caller.user_id)
        await _note_use(connection, caller)
        if SCOPES.index(caller.identity.scope) < SCOPES.index(scope):
            raise Forbidden(
                f"The token {caller.identity.token!r} has the scope "
                f"{caller.identity.scope!r}; this needs {scope!r}.",
                "Use a token with that scope: `Client.tokens.create()`, or ask the server's admin.",
            )
        connection.scope["user"] = caller

    return guard


async def local_or_token(connection: Connection, _: BaseRouteHandler) -> None:
    """A guard for pages of the operator: the same machine, or any valid token."""
    if _is_local(connection):
        return
    try:
        caller = await _recognise(connection, _OPERATORS)
    except Unauthorized as cause:
        raise Forbidden(
            "This page answers on the server's own machine, or with a token.",
            "Send an Authorization header with a valid token.",
        ) from cause
    connection.app.state.auth.note_use(caller)  # nobody waits for it: the page is always answered


async def _recognise(connection: Connection, threads: Executor = _LOOK_UPS) -> Caller:
    header = connection.headers.get("authorization", "")
    kind, _, secret = header.partition(" ")
    if not header:
        raise Unauthorized(
            "This needs a token and none was sent.", "Send: Authorization: Bearer esmr_..."
        )
    if kind.lower() != "bearer" or not secret.strip():
        raise Unauthorized(
            "The Authorization header is not of the form 'Bearer <token>'.",
            "Send: Authorization: Bearer esmr_...",
        )
    auth: AuthService = connection.app.state.auth
    context = copy_context()  # the log tells of which request
    return await asyncio.get_running_loop().run_in_executor(
        threads, lambda: context.run(auth.recognise, secret.strip())
    )


async def _note_use(connection: Connection, caller: Caller) -> None:
    noted = connection.app.state.auth.note_use(caller)
    if noted is not None:
        await asyncio.wait({asyncio.wrap_future(noted)}, timeout=NOTING_SECONDS)


def _is_local(connection: Connection) -> bool:
    # A proxy on this machine would make everybody look local. Even an empty header is a proxy's.
    if any(name in connection.headers for name in _FORWARDED):
        return False
    try:
        return (
            connection.client is not None
            and ipaddress.ip_address(connection.client.host).is_loopback
        )
    except ValueError:
        return False
