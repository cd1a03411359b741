"""Reading what an upload's headers say of it."""

import re
from collections.abc import AsyncIterator
from typing import Any

from litestar import Request
from litestar.exceptions import InternalServerException

from esm_client.core.errors import InvalidInput, TooSlow, TruncatedUpload
from esm_server.artifacts.service import Upload

_CONTENT_RANGE = re.compile(r"bytes (\d{1,18})-(\d{1,18})/(\d{1,18})")


async def _chunks(request: Request[Any, Any, Any]) -> AsyncIterator[bytes]:
    try:
        async for chunk in request.stream():
            yield chunk
    except InternalServerException as cause:  # how Litestar tells that the client left
        raise TruncatedUpload(
            "The connection broke during the upload.", "Send it again."
        ) from cause
    except TooSlow as cause:
        if "content-range" not in request.headers:
            raise
        # the error from which clients of every version go on by themselves
        raise TruncatedUpload("The upload came too slowly.", "Go on with it.") from cause


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
