"""Guards: `requires("write")` on a handler reads as the right it needs."""

import ipaddress
from collections.abc import Awaitable, Callable
from typing import Any

from litestar.concurrency import sync_to_thread
from litestar.connection import ASGIConnection
from litestar.handlers.base import BaseRouteHandler

from esm_client.core.errors import Forbidden, Unauthorized
from esm_client.core.schemas import Scope
from esm_server.auth.caller import SCOPES, Caller
from esm_server.auth.service import AuthService

Connection = ASGIConnection[Any, Any, Any, Any]
Guard = Callable[[Connection, BaseRouteHandler], Awaitable[None]]


def requires(scope: Scope) -> Guard:
    """A guard that lets pass who has a token of at least this scope."""

    async def guard(connection: Connection, _: BaseRouteHandler) -> None:
        caller = await _recognise(connection)
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
        await _recognise(connection)
    except Unauthorized as cause:
        raise Forbidden(
            "This page answers on the server's own machine, or with a token.",
            "Send an Authorization header with a valid token.",
        ) from cause


async def _recognise(connection: Connection) -> Caller:
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
    return await sync_to_thread(auth.recognise, secret.strip())


def _is_local(connection: Connection) -> bool:
    # A proxy on this machine would make everybody look local.
    if connection.headers.get("x-forwarded-for") or connection.headers.get("forwarded"):
        return False
    try:
        return (
            connection.client is not None
            and ipaddress.ip_address(connection.client.host).is_loopback
        )
    except ValueError:
        return False
