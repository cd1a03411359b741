"""Around every request: its id, one line of log without bodies or headers, metrics, a span."""

import logging
import time
from dataclasses import dataclass
from typing import Any

from litestar.types import (
    ASGIApp,
    HTTPReceiveMessage,
    Message,
    Receive,
    Scope,
    Send,
    WebSocketReceiveMessage,
)

from esm_server.system.version import server_version
from esm_server.telemetry.logs import event
from esm_server.telemetry.metrics import Metrics
from esm_server.telemetry.request_ids import HEADER, choose_request_id, request_id
from esm_server.telemetry.traces import Span, request_span

_LOG = logging.getLogger("esm_server.request")


class RequestLog:
    """ASGI wrapper around the whole app, so that unknown paths are logged as well."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on; note how it went."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        identifier = choose_request_id(headers.get(HEADER))
        request_id.set(identifier)
        seen = _Seen(identifier)

        async def counted() -> HTTPReceiveMessage | WebSocketReceiveMessage:
            message = await receive()
            if message["type"] == "http.request":
                seen.received += len(message["body"])
            return message

        async def send_with_id(message: Message) -> None:
            if message["type"] == "http.response.start":
                seen.status = message["status"]
                message["headers"] = [
                    *message["headers"],
                    (HEADER, identifier.encode()),
                    (b"x-esm-registry", server_version().encode()),
                ]
            elif message["type"] == "http.response.body":
                seen.sent += len(message["body"])
            await send(message)

        with self._metrics.requests_in_progress.track_inprogress():
            started = time.perf_counter()
            try:
                with request_span(scope["method"], headers) as span:
                    try:
                        await self._app(scope, counted, send_with_id)
                    finally:
                        seen.describe(span, scope)
            finally:
                self._note(scope, seen, time.perf_counter() - started)

    def _note(self, scope: Scope, seen: "_Seen", seconds: float) -> None:
        fields: dict[str, Any] = dict(scope)
        method, route = fields["method"], fields.get("path_template") or ""
        self._metrics.observe(
            method, route, seen.status, seconds, received=seen.received, sent=seen.sent
        )
        path = scope["path"][:300].encode("unicode_escape").decode()[:300]  # no forged log lines
        event(
            _LOG, "request",
            f"{method} {path} {seen.status} {seconds * 1000:.0f}ms {seen.request_id}",
            method=method, route=route, path=path, status=seen.status, seconds=round(seconds, 6),
            received_bytes=seen.received, sent_bytes=seen.sent, user=_user(fields),
        )  # fmt: skip


@dataclass
class _Seen:
    """What is known of a request when it is over; the status is 0 where nothing was answered."""

    request_id: str
    status: int = 0
    received: int = 0
    sent: int = 0

    def describe(self, span: Span | None, scope: Scope) -> None:
        """Tell a span."""
        if span is None:
            return
        fields: dict[str, Any] = dict(scope)
        method, route = fields["method"], fields.get("path_template") or "unknown"
        span.rename(f"{method} {route}")
        span.note(
            http__request__method=method, http__route=route,
            http__response__status_code=self.status, request_id=self.request_id,
        )  # fmt: skip


def _user(fields: dict[str, Any]) -> str | None:
    caller: Any = fields.get("user")
    return None if caller is None else caller.name
