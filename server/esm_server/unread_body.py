"""Reading what an early answer left of a request's body.

Who is refused while still sending (a wrong token, a full disk) would otherwise find the
connection reset, and may never see the answer that says why.
"""

import asyncio
from contextlib import suppress

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


class UnreadBody:
    """ASGI wrapper: drains a body of moderate size, and closes the connection otherwise."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and drain it before the answer begins."""
        if scope["type"] != "http" or not _has_body(scope):
            await self._app(scope, receive, send)
            return
        complete = False

        async def watched() -> HTTPReceiveMessage | WebSocketReceiveMessage:
            nonlocal complete
            message = await receive()
            if message["type"] != "http.request" or not message.get("more_body", False):
                complete = True
            return message

        async def drain() -> None:
            drained = 0
            while not complete and drained < MAX_DRAINED_BYTES:
                message = await watched()
                drained += len(message["body"]) if message["type"] == "http.request" else 0

        async def send_after_drain(message: Message) -> None:
            if message["type"] == "http.response.start" and not complete:
                with suppress(TimeoutError):
                    await asyncio.wait_for(drain(), MAX_DRAIN_SECONDS)
                if not complete:
                    message["headers"] = [*message["headers"], (b"connection", b"close")]
            await send(message)

        await self._app(scope, watched, send_after_drain)


def _has_body(scope: Scope) -> bool:
    return any(
        name == b"transfer-encoding" or (name == b"content-length" and value != b"0")
        for name, value in scope["headers"]
    )
