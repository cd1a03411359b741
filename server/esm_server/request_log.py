"""Around every request: its id, one line of log without bodies or headers, and metrics."""

import logging
import time
from contextvars import ContextVar
from typing import Any
from uuid import uuid4

from litestar.types import ASGIApp, Message, Receive, Scope, Send

from esm_server.system.metrics import Metrics
from esm_server.system.version import server_version

_LOG = logging.getLogger("esm_server.request")

request_id: ContextVar[str | None] = ContextVar("request_id", default=None)


class RequestLog:
    """ASGI wrapper around the whole app, so that unknown paths are logged as well."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on; log method, path, status, milliseconds and id."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        identifier = uuid4().hex
        request_id.set(identifier)
        status = 0

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [
                    *message["headers"],
                    (b"x-request-id", identifier.encode()),
                    (b"x-esm-registry", server_version().encode()),
                ]
            await send(message)

        started = time.perf_counter()
        try:
            await self._app(scope, receive, send_with_id)
        finally:
            seconds = time.perf_counter() - started
            fields: dict[str, Any] = dict(scope)
            method = scope["method"]
            self._metrics.observe(method, fields.get("path_template") or "", status, seconds)
            path = scope["path"].encode("unicode_escape").decode()[:300]  # no forged log lines
            _LOG.info("%s %s %d %.0fms %s", method, path, status, seconds * 1000, identifier)
