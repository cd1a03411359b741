"""Reading what an upload's headers say of it."""

import asyncio
import re
from collections.abc import AsyncIterator
from typing import Any

from litestar import Request
from litestar.exceptions import InternalServerException

from esm_client.core.errors import InvalidInput, TruncatedUpload
from esm_server.artifacts.service import Upload

QUIET_SECONDS = 60
"""Without a byte, until an upload counts as broken."""
_CONTENT_RANGE = re.compile(r"bytes (\d{1,18})-(\d{1,18})/(\d{1,18})")


async def _chunks(request: Request[Any, Any, Any]) -> AsyncIterator[bytes]:
    stream = request.stream()
    try:
        while True:
            async with asyncio.timeout(QUIET_SECONDS):
                chunk = await anext(stream, None)
            if chunk is None:
                return
            yield chunk
    # how Litestar tells that the client left, and what a network that went away looks like
    except (InternalServerException, TimeoutError) as cause:
        raise TruncatedUpload(
            "The connection broke during the upload.", "Send it again."
        ) from cause


def upload_of(request: Request[Any, Any, Any]) -> Upload:
    """The upload a request carries (RFC 9110 section 14.4 for a partial one)."""
    text = request.headers.get("content-range")
    if text is None:
        return Upload(_chunks(request), request.content_length)
    match = _CONTENT_RANGE.fullmatch(text)
    first, last, total = (int(part) for part in match.groups()) if match else (0, -1, -1)
    if match is None or not first <= last == total - 1:
        raise InvalidInput(
            f"Content-Range is {text[:100]!r}; it must reach to the end of the file.",
            "Write it like: bytes 1000-4999/5000",
        )
    return Upload(_chunks(request), total, first, resumable=True)
