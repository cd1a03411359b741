"""The requests being worked on: counted, and no new ones let in once the server stops."""

import asyncio
from typing import Any

from litestar.types import ASGIApp, Receive, Scope, Send

from esm_server.connections.refusal import refuse
from esm_server.stopping import stopping

ANSWERED_TO_THE_END = frozenset({"/health/live", "/metrics"})
CUT_OFF_SECONDS = 5.0
"""What a request that is cut off may take to tidy up."""


class InFlight:
    """ASGI wrapper around the app."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._tasks: set[asyncio.Task[Any]] = set()
        self._is_stopping = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or refuse it."""
        task = asyncio.current_task()
        if scope["type"] != "http" or task is None:
            await self._app(scope, receive, send)
        elif self._is_stopping and scope["path"] not in ANSWERED_TO_THE_END:
            await refuse(send, stopping())
        else:
            self._tasks.add(task)
            try:
                await self._app(scope, receive, send)
            finally:
                self._tasks.discard(task)

    def refuse_new(self) -> None:
        """From now on answer 503 to everything but liveness and metrics."""
        self._is_stopping = True

    async def ended(self, seconds: float) -> int:
        """Wait for the requests to end; returns how many were cut off, as they did not in time."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=seconds)
        late = set(self._tasks)
        for task in late:
            task.cancel()
        if late:
            await asyncio.wait(late, timeout=CUT_OFF_SECONDS)
        return len(late)
