"""A request's way to its client, which ends with the request."""

from litestar.types import HTTPReceiveMessage, Message, Receive, Send, WebSocketReceiveMessage


class Line:
    """Passes on what an app receives and sends, until it is cut.

    The HTTP server keeps a connection of which it has not read everything for as long as anybody
    could ask it for the rest. A handled exception, which refers to its frames and they to it, is
    such a somebody until the garbage is collected, minutes later perhaps.
    """

    def __init__(self, receive: Receive, send: Send) -> None:
        self._receive: Receive | None = receive
        self._send: Send | None = send

    async def receive(self) -> HTTPReceiveMessage | WebSocketReceiveMessage:
        """The next message of the client."""
        return {"type": "http.disconnect"} if self._receive is None else await self._receive()

    async def send(self, message: Message) -> None:
        """A part of the answer."""
        if self._send is not None:
            await self._send(message)

    def cut(self) -> None:
        """The request is over."""
        self._receive = self._send = None
