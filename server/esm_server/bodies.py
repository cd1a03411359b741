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

from esm_client.core.errors import InvalidInput, TooLarge
from esm_server.documents import read_document

Given = ParamSpec("Given")
Result = TypeVar("Result")
MAX_PARAMETERS = 700
"""Of a query: more than a search with all that a filter may hold."""
MAX_QUERY_BYTES = 24 * 2**10
"""Enough for them with names of usual lengths; a whole head may have 32 KiB (runner)."""
FEW_PARAMETERS, SHORT_QUERY = 50, 2 * 2**10
"""What Litestar may remember of the last thousand queries each, parsed in two ways."""
_DECODING = asyncio.Semaphore(2)
"""Documents that are decoded at a time: each holds the interpreter's lock, and no more of them are
unpacked in memory."""


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

    __slots__ = ()

    async def json(self) -> Any:
        """The document that the handler takes as `data`; raises InvalidInput, TooLarge."""
        field: Any = self.route_handler.parsed_data_field
        return await decoded(read_document, field.annotation, await self.body())

    async def body(self) -> bytes:
        """All of it, up to the handler's limit; raises TooLarge."""
        try:
            return await super().body()
        except RequestEntityTooLarge as cause:
            limit = self.route_handler.resolve_request_max_body_size()
            raise TooLarge(
                f"The request's body is larger than {limit} bytes.", "Send less at a time."
            ) from cause
