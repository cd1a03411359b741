"""How long a request's body may take, and in how small pieces it may come."""

import asyncio
from time import monotonic
from typing import Any, cast

from litestar.types import (
    ASGIApp,
    HTTPReceiveMessage,
    Message,
    Receive,
    Scope,
    Send,
    WebSocketReceiveMessage,
)

from esm_client.core.errors import InvalidInput, TooSlow
from esm_server.unread_body import has_body

SLOWEST = 8 * 2**10
"""Bytes a second on average, beyond the seconds that every body has."""
LARGE_BYTES = 2**20
LARGE_QUIET = 4
"""How many times longer a body may be quiet of which so much came: the network may be away for a
while, and to send it all again costs more."""
_BODY = "esm_body"
MANY_PIECES, SMALLEST_PIECE = 1000, 64
"""Of so many pieces, how many bytes each must have on average: every one costs as much as many."""
RETRY_AFTER_SECONDS = 1


class BodyDeadlines:
    """ASGI wrapper: a body that comes too slowly raises TooSlow where it is read.

    `quiet`: seconds without a byte. `total`: seconds in all; every byte that came adds the time
    that it takes at the rate SLOWEST. Only waiting for the client counts. A body in crumbs raises
    InvalidInput.
    """

    def __init__(self, app: ASGIApp, *, quiet: float, total: float) -> None:
        self._app, self._quiet, self._total = app, quiet, total

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, its body watched."""
        if scope["type"] != "http" or not has_body(scope):
            await self._app(scope, receive, send)
            return
        body = _Body(receive, self._quiet, self._total)
        cast("dict[str, Any]", scope)[_BODY] = body

        async def send_and_note(message: Message) -> None:
            body.is_answered = True
            await send(message)

        await self._app(scope, body.receive, send_and_note)


def expect(scope: Scope, rate: int) -> None:
    """Let the body of a request come at so many bytes a second at least, instead of SLOWEST."""
    body = cast("dict[str, Any]", scope).get(_BODY)
    if isinstance(body, _Body):
        body.slowest = rate


class _Body:
    def __init__(self, receive: Receive, quiet: float, total: float) -> None:
        self._receive, self._quiet, self._total = receive, quiet, total
        self._waited, self._received, self._pieces = 0.0, 0, 0
        self._is_over = False
        self.is_answered, self.slowest = False, SLOWEST

    async def receive(self) -> HTTPReceiveMessage | WebSocketReceiveMessage:
        """The next message; raises TooSlow and InvalidInput.

        Once the request is answered nobody reads the body; who only asks whether the client has
        left is told so instead.
        """
        if self._is_over:
            return await self._receive()
        try:
            message = await self._watched()
        except (TooSlow, InvalidInput):
            self._is_over = True
            if self.is_answered:
                return {"type": "http.disconnect"}
            raise
        if message["type"] != "http.request" or not message.get("more_body", False):
            self._is_over = True
        return message

    async def _watched(self) -> HTTPReceiveMessage | WebSocketReceiveMessage:
        began = monotonic()
        try:
            async with asyncio.timeout(self._seconds()):
                message = await self._receive()
        except TimeoutError as cause:
            error = TooSlow("The request's body came too slowly.", "Try again.")
            error.headers = {"Retry-After": str(RETRY_AFTER_SECONDS)}
            raise error from cause
        self._waited += monotonic() - began
        if message["type"] == "http.request":
            self._received += len(message["body"])
            self._pieces += 1
        if self._pieces > MANY_PIECES and self._received < SMALLEST_PIECE * self._pieces:
            raise InvalidInput(
                "The request's body comes in pieces of a few bytes.", "Send larger ones."
            )
        return message

    def _seconds(self) -> float:
        quiet = self._quiet * (LARGE_QUIET if self._received >= LARGE_BYTES else 1)
        left = self._total + self._received / self.slowest - self._waited
        return max(0.0, min(quiet, left))
