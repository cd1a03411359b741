"""Requests within bounds: how long a query may be, and a JSON body that blocks nobody else."""

import asyncio
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

from litestar import Request
from litestar._kwargs.extractors import create_query_default_dict
from litestar._parsers import parse_query_string
from litestar.connection import ASGIConnection
from litestar.exceptions.http_exceptions import RequestEntityTooLarge
from litestar.handlers.base import BaseRouteHandler
from litestar.types import Empty

from esm_client.core.errors import InvalidInput, TooLarge
from esm_server.connections.turns import Gate, whose
from esm_server.documents import read_document
from esm_server.held_bytes import HeldBytes

Given = ParamSpec("Given")
Result = TypeVar("Result")
MAX_PARAMETERS = 700
"""Of a query: more than a search with all that a filter may hold."""
MAX_QUERY_BYTES = 24 * 2**10
"""Enough for them with names of usual lengths; a whole head may have 32 KiB (runner)."""
FEW_PARAMETERS, SHORT_QUERY = 50, 2 * 2**10
"""What Litestar may remember of the last thousand queries each, parsed in two ways."""
_DECODING = Gate(2)
"""Documents that are decoded at a time, users in turn: each holds the interpreter's lock, and no
more of them are unpacked in memory."""
HELD_BODY_BYTES = 64 * 2**20
"""Of documents that arrive or wait to be decoded."""
EVERYBODYS_BYTES = 2**20
"""Of them, which each user has room for whatever others hold."""
_BODIES = HeldBytes(HELD_BODY_BYTES, "Requests of {} hold bodies", always=EVERYBODYS_BYTES)


async def bounded_query(
    connection: ASGIConnection[Any, Any, Any, Any], _: BaseRouteHandler
) -> None:
    """A guard that refuses a long query before it is parsed, and lets Litestar remember no others
    than short ones: each would take tens of times its bytes.
    """
    query = connection.scope["query_string"]
    count = query.count(b"&") + 1
    if len(query) > MAX_QUERY_BYTES or count > MAX_PARAMETERS:
        raise InvalidInput(
            f"The query has {count} parameters in {len(query)} bytes; at most {MAX_PARAMETERS} in "
            f"{MAX_QUERY_BYTES} bytes are read.",
            "Ask for less at a time.",
        )
    if len(query) > SHORT_QUERY or count > FEW_PARAMETERS:
        for remembered in (parse_query_string, create_query_default_dict):
            remembered.cache_clear()


async def decoded(
    read: Callable[Given, Result], *given: Given.args, **named: Given.kwargs
) -> Result:
    """What `read` makes of a document, in a thread, beside at most one other."""
    async with _DECODING:
        return await asyncio.to_thread(read, *given, **named)


class JsonRequest(Request[Any, Any, Any]):
    """A request whose `data` is read as what its handler takes, away from the event loop.

    Litestar would decode it to plain objects and those to the handler's model, both on the event
    loop; a model that is there already it leaves as it is.
    """

    __slots__ = ("_held",)

    async def json(self) -> Any:
        """The document that the handler takes as `data`; raises InvalidInput, TooLarge.

        Its bytes are let go.
        """
        field: Any = self.route_handler.parsed_data_field
        body = await self.body()
        try:
            return await decoded(read_document, field.annotation, body)
        finally:
            self._held.release()
            self._body = self._connection_state.body = b""

    async def body(self) -> bytes:
        """All of it, up to the handler's limit; raises TooLarge, RateLimited."""
        if self._body is Empty:
            self._held = _BODIES.of(whose.get())
            try:
                self._body = self._connection_state.body = await self._received()
            except BaseException:
                self._held.release()
                raise
        return self._body

    async def _received(self) -> bytes:
        parts: list[bytes] = []
        try:
            async for part in self.stream():
                self._held.grow(len(part))
                parts.append(part)
        except BaseException as cause:
            parts.clear()  # the exception, which refers to this frame, may be there for long
            if not isinstance(cause, RequestEntityTooLarge):
                raise
            limit = self.route_handler.resolve_request_max_body_size()
            raise TooLarge(
                f"The request's body is larger than {limit} bytes.", "Send less at a time."
            ) from cause
        return b"".join(parts)
