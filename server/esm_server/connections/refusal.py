"""Answering in the app's place."""

from litestar.types import Send

from esm_client.core.errors import EsmError
from esm_client.core.schemas import Problem
from esm_server.telemetry.request_ids import request_id


async def refuse(send: Send, error: EsmError) -> None:
    """Answer with a problem document, and close the connection."""
    headers = {
        **error.headers,
        "Content-Type": "application/problem+json",
        "Connection": "close",
    }
    body = Problem.of(error, request_id.get()).model_dump_json().encode()
    await send(
        {
            "type": "http.response.start",
            "status": error.status,
            "headers": [(key.lower().encode(), value.encode()) for key, value in headers.items()],
        }
    )
    await send({"type": "http.response.body", "body": body, "more_body": False})
