"""Answers handed over piece by piece, so that a request lasts until its client has taken them."""

from litestar.types import Message, Send

PIECE_BYTES = 2**16
AHEAD = 4
"""Pieces that granian takes before it makes the app wait for the client."""


def in_pieces(send: Send) -> Send:
    """The same, but the end of a large answer returns only when all of it is on its way.

    Otherwise an answer of any size would be handed over at once, and lie in memory, counted
    nowhere, for as long as its client leaves it there.
    """
    is_large = False

    async def send_pieces(message: Message) -> None:
        nonlocal is_large
        if message["type"] != "http.response.body":
            await send(message)
            return
        body, more = message["body"], message.get("more_body", False)
        if len(body) > PIECE_BYTES:
            is_large = True
            for start in range(0, len(body), PIECE_BYTES):
                await _send(send, body[start : start + PIECE_BYTES])
            body = b""
            if more:
                return
        if is_large and not more:
            await _send(send, body)
            body = b""
            for _ in range(AHEAD):  # one is taken only when all before it have left
                await _send(send, b"")
        await send({"type": "http.response.body", "body": body, "more_body": more})

    return send_pieces


async def _send(send: Send, body: bytes) -> None:
    await send({"type": "http.response.body", "body": body, "more_body": True})
