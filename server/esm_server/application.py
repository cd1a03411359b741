"""The server as one thing that can be run and stopped."""

from dataclasses import dataclass

from litestar.concurrency import sync_to_thread
from litestar.types import ASGIApp, Receive, Scope, Send

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

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        await self.asgi(scope, receive, send)

    async def drain(self) -> int:
        """Take nothing new, hand rankings back, let requests end; how many were cut off."""
        self.in_flight.refuse_new()
        await sync_to_thread(self.rankings.close)
        return await self.in_flight.ended(self.settings.stop_seconds)
