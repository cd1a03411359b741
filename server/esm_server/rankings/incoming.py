"""Reading a ranking request: large, so a buffer at a time, and no more of them than there is room.

Nothing of it is done on the event loop, and no copy of all of it is made.
"""

import asyncio
from dataclasses import dataclass
from typing import Any

from litestar import Request
from litestar.openapi.spec import (
    Encoding,
    OpenAPIMediaType,
    Operation,
    Reference,
    RequestBody,
    Schema,
)
from litestar.openapi.spec.enums import OpenAPIFormat, OpenAPIType

from esm_client.core.limits import MAX_FOLDS, MAX_SKETCH_BYTES
from esm_client.core.schemas import RankingCreate, RankingOptions
from esm_server.bodies import decoded
from esm_server.connections.deadlines import expect
from esm_server.held_bytes import Held
from esm_server.rankings.old_form import RankingJson
from esm_server.rankings.parts import RankingParts

MAX_BODY_BYTES = MAX_SKETCH_BYTES * 3 // 2
"""Of a whole request: a sketch and what may come with it, or a sketch as base64 in JSON."""
BUFFER_BYTES = 2**20
SLOWEST = 64 * 2**10
"""Bytes a second on average: faster than other bodies, as this one is held in memory meanwhile."""
_PARTS, _JSON = "multipart/form-data", "application/json"


async def read_ranking(request: Request[Any, Any, Any], held: Held) -> RankingCreate:
    """The request that a body holds, in parts or as JSON.

    Raises InvalidInput, TooLarge, and RateLimited where there is no room for it.
    """
    expect(request.scope, SLOWEST)
    media_type, options = request.content_type
    reader = RankingParts(options.get("boundary", "")) if media_type == _PARTS else RankingJson()
    buffer = bytearray()
    async for chunk in request.stream():
        held.grow(len(chunk))
        buffer += chunk
        if len(buffer) >= BUFFER_BYTES:
            await asyncio.to_thread(reader.feed, bytes(buffer))
            buffer.clear()
    await asyncio.to_thread(reader.feed, bytes(buffer))
    return await decoded(reader.request)


@dataclass
class RankingUpload(Operation):
    """An operation with such a body, which a handler's signature cannot say."""

    def __post_init__(self) -> None:
        data = Schema(type=OpenAPIType.STRING, format=OpenAPIFormat.BINARY)
        parts = Schema(
            type=OpenAPIType.OBJECT,
            properties={
                "request": _schema_of(RankingOptions),
                "sketch": data,
                "fold": Schema(type=OpenAPIType.ARRAY, items=data, max_items=MAX_FOLDS),
                "embedded": data,
            },
            required=["request", "sketch"],
        )
        encoding = {"request": Encoding(content_type=_JSON)}
        self.request_body = RequestBody(
            content={
                _PARTS: OpenAPIMediaType(schema=parts, encoding=encoding),
                _JSON: OpenAPIMediaType(schema=_schema_of(RankingCreate)),
            },
            description="In parts; JSON is taken for one release more",
            required=True,
        )


def _schema_of(model: type[RankingOptions]) -> Reference:
    return Reference(ref=f"#/components/schemas/{model.__name__}")
