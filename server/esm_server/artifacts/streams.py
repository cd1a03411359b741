"""Answering with the bytes of something, whole or in part."""

import asyncio
from collections.abc import AsyncGenerator, Generator, Iterator, Mapping
from contextlib import suppress
from typing import Any, Protocol

from litestar import Response
from litestar.openapi.datastructures import ResponseSpec
from litestar.response import Stream

from esm_client.core.schemas.uploads import FOLLOW_HEADER
from esm_server.artifacts.ranges import select
from esm_server.problems import problems
from esm_server.responses import ContractResponse

OCTETS = "application/octet-stream"

FILE_ANSWERS = {
    **problems(404, 409, 416),
    307: ResponseSpec(None, description="The object store has it, for who asked to be sent there"),
    206: ResponseSpec(bytes, description="The range asked for", media_type=OCTETS),  # pyright: ignore[reportArgumentType]
    304: ResponseSpec(None, description="The bytes with this entity tag are known"),
}


class Streamed(Protocol):
    """Bytes of a known size that can be read from any offset on."""

    @property
    def etag(self) -> str: ...  # noqa: D102
    @property
    def size(self) -> int: ...  # noqa: D102
    def read(self, start: int, stop: int) -> Iterator[bytes]: ...  # noqa: D102


def stream_part(headers: Mapping[str, str], content: Streamed) -> Stream:
    """What a request with these headers asks for; raises RangeNotSatisfiable."""
    part = select(headers, content.size, content.etag)
    answered = {"ETag": content.etag, "Accept-Ranges": "bytes"}
    if part.status != 304:
        answered["Content-Length"] = str(part.stop - part.start)
    if part.status == 206:
        answered["Content-Range"] = f"bytes {part.start}-{part.stop - 1}/{content.size}"
    data = _ahead(content.read(part.start, part.stop))
    return Stream(data, status_code=part.status, headers=answered, media_type=OCTETS)


async def _ahead(chunks: Iterator[bytes]) -> AsyncGenerator[bytes]:
    """The same chunks; one is read, in a thread, while the one before is sent."""
    following = asyncio.create_task(asyncio.to_thread(next, chunks, b""))
    try:
        while chunk := await asyncio.shield(following):
            following = asyncio.create_task(asyncio.to_thread(next, chunks, b""))
            yield chunk
    finally:  # who stops listening must not leave a file or connection open
        await asyncio.shield(asyncio.ensure_future(_closed(chunks, following)))


async def _closed(chunks: Iterator[bytes], following: asyncio.Task[bytes]) -> None:
    with suppress(Exception):
        await following
    if isinstance(chunks, Generator):
        await asyncio.to_thread(chunks.close)


class Elsewhere(Streamed, Protocol):
    """Bytes that may be had from the object store too."""

    @property
    def url(self) -> str | None: ...  # noqa: D102


def send_file(headers: Mapping[str, str], file: Elsewhere) -> Response[Any]:
    """A file or a part of it; or where to get it, for a client that can follow.

    Raises RangeNotSatisfiable.
    """
    if headers.get(FOLLOW_HEADER.lower()) is not None and "if-none-match" not in headers:
        select(headers, file.size, file.etag)
        if (url := file.url) is not None:
            headers = {"Location": url, "Cache-Control": "no-store"}
            return ContractResponse(None, status_code=307, headers=headers)
    return stream_part(headers, file)
