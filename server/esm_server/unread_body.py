"""Reading what an early answer left of a request's body.

Who is refused while still sending (a wrong token, a full disk) would otherwise find the
connection reset, and may never see the answer that says why.
"""

import asyncio
from contextlib import suppress
from http import HTTPStatus

from litestar.types import (
    ASGIApp,
    HTTPReceiveMessage,
    Message,
    Receive,
    Scope,
    Send,
    WebSocketReceiveMessage,
)

MAX_DRAINED_BYTES = 16 * 2**20
MAX_DRAIN_SECONDS = 5.0
PIECE_BYTES = 2**12
"""What a smaller piece of a body counts as."""
MAX_QUIET_SECONDS = 1.0
"""Without a byte: what is not on its way is not waited for."""


class UnreadBody:
    """ASGI wrapper: drains a body of moderate size, and closes the connection otherwise."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and drain it before the answer begins."""
        if scope["type"] != "http" or not has_body(scope):
            await self._app(scope, receive, send)
            return
        body = _Body(receive)

        async def send_after_drain(message: Message) -> None:
            if message["type"] == "http.response.start" and not body.is_complete:
                if message["status"] != HTTPStatus.REQUEST_TIMEOUT:  # whom it was waited for
                    with suppress(TimeoutError):
                        await body.drain()
                if not body.is_complete:
                    message["headers"] = [*message["headers"], (b"connection", b"close")]
            await send(message)

        await self._app(scope, body.receive, send_after_drain)


class _Body:
    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self.is_complete = False

    async def receive(self) -> HTTPReceiveMessage | WebSocketReceiveMessage:
        """The next message."""
        message = await self._receive()
        if message["type"] != "http.request" or not message.get("more_body", False):
            self.is_complete = True
        return message

    async def drain(self) -> None:
        """Read on for a while; raises TimeoutError."""
        drained = 0
        async with asyncio.timeout(MAX_DRAIN_SECONDS):
            while not self.is_complete and drained < MAX_DRAINED_BYTES:
                async with asyncio.timeout(MAX_QUIET_SECONDS):
                    message = await self.receive()
                if message["type"] == "http.request":
                    drained += max(PIECE_BYTES, len(message["body"]))


def has_body(scope: Scope) -> bool:
    """Whether a request says that a body follows its head."""
    return any(
        name == b"transfer-encoding" or (name == b"content-length" and value != b"0")
        for name, value in scope["headers"]
    )
