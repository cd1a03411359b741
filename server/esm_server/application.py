"""The server as one thing that can be run and stopped."""

from dataclasses import dataclass

from litestar.concurrency import sync_to_thread
from litestar.types import ASGIApp, Receive, Scope, Send

from esm_server.connections.line import Line
from esm_server.db.owner import DatabaseOwner
from esm_server.in_flight import InFlight
from esm_server.rankings.service import RankingService
from esm_server.settings import Settings


@dataclass(frozen=True, slots=True)
class Application:
    """An ASGI app that also knows how to stop in an orderly way."""

    asgi: ASGIApp
    settings: Settings
    in_flight: InFlight
    rankings: RankingService
    owner: DatabaseOwner | None = None
    """Of a PostgreSQL database: what makes this its only server."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        line = Line(receive, send)
        del receive, send  # a traceback of this frame would refer to them
        try:
            await self.asgi(scope, line.receive, line.send)
        finally:
            line.cut()

    async def drain(self) -> int:
        """Take nothing new, hand rankings back, let requests end; how many were cut off."""
        self.in_flight.refuse_new()
        await sync_to_thread(self.rankings.close)
        return await self.in_flight.ended(self.settings.stop_seconds)
