"""How many requests may be in progress at a time: of one user, and from one address.

A request is in progress from its head until its client has taken the answer, so slow bodies,
downloads and event streams count for as long as they last.
"""

import hashlib
from collections import Counter
from typing import Any, cast

from litestar.types import ASGIApp, Message, Receive, Scope, Send

from esm_client.core.errors import RateLimited
from esm_server.connections.addresses import Addresses
from esm_server.connections.pieces import in_pieces
from esm_server.connections.refusal import refuse
from esm_server.connections.turns import Gate, whose

ALWAYS_ANSWERED = frozenset({"/health/live", "/health/ready", "/metrics"})
"""Neither counted nor refused. They are short, and have threads of their own."""
BEGINNING = 8
"""Requests that are begun at a time, until it is known whose they are; the rest take turns, so that
who sends hundreds at once does not keep others waiting until all of them have been begun."""
RETRY_AFTER_SECONDS = 5
_PLACE = "esm_place"
_Key = tuple[str, str]


class BoundedRequests:
    """ASGI wrapper: who has too many requests in progress is told so, and when to come back."""

    def __init__(
        self, app: ASGIApp, addresses: Addresses, *, per_user: int, per_address: int
    ) -> None:
        self._app, self._addresses = app, addresses
        self._per_user, self._per_address = per_user, per_address
        self._counts = Counter[_Key]()
        self._gate = Gate(BEGINNING)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or refuse it."""
        if scope["type"] != "http" or scope["path"] in ALWAYS_ANSWERED:
            await self._app(scope, receive, send)
            return
        place = Place(self._counts, self._per_user, self._gate)
        try:
            self._count(scope, place)
        except RateLimited as error:
            place.leave()
            await refuse(send, error)
            return
        send_pieces = in_pieces(send)

        async def send_from_place(message: Message) -> None:
            place.has_begun()
            await send_pieces(message)

        try:
            await place.begin()
            await self._app(scope, receive, send_from_place)
        finally:
            place.leave()

    def _count(self, scope: Scope, place: "Place") -> None:
        address = self._addresses.of_request(scope)
        if address is not None:
            place.take(("address", address), self._per_address, "Your address has")
        whose.set(f"address {address}")
        token = next((value for name, value in scope["headers"] if name == b"authorization"), None)
        if token is not None:  # whose it is, is looked up later, and may have to wait
            digest = hashlib.sha256(token).hexdigest()
            place.take_own(("token", digest))
            whose.set(f"token {digest}")
        cast("dict[str, Any]", scope)[_PLACE] = place


class Place:
    """What one request takes of the bounds: as its address's, its token's and its user's."""

    def __init__(self, counts: Counter[_Key], per_user: int, gate: Gate) -> None:
        self._counts, self._per_user, self._gate = counts, per_user, gate
        self._taken: set[_Key] = set()
        self._is_beginning = False

    def take(self, key: _Key, most: int, who: str) -> None:
        """Count the request, once, unless `most` are in progress; raises RateLimited."""
        if key in self._taken:
            return
        if self._counts[key] >= most:
            error = RateLimited(
                f"{who} {most} requests in progress, the most at a time.",
                "Try again when some of them are done.",
            )
            error.headers = {"Retry-After": str(RETRY_AFTER_SECONDS), "Connection": "close"}
            raise error
        self._counts[key] += 1
        self._taken.add(key)

    def take_own(self, key: _Key) -> None:
        """The same for what a user has as many of as users may have."""
        self.take(key, self._per_user, "You have")

    async def begin(self) -> None:
        """Wait for the turn to be begun."""
        await self._gate.enter()
        self._is_beginning = True

    def has_begun(self) -> None:
        """It is known whose the request is, or that it is refused: the next may begin."""
        if self._is_beginning:
            self._is_beginning = False
            self._gate.leave()

    def leave(self) -> None:
        """The request is over."""
        self.has_begun()
        for key in self._taken:
            self._counts[key] -= 1
            if not self._counts[key]:
                del self._counts[key]
        self._taken.clear()


def count_user(scope: Scope, user_id: int) -> None:
    """Count a request as its user's, whichever of their tokens it came with; raises RateLimited."""
    whose.set(f"user {user_id}")
    place = cast("dict[str, Any]", scope).get(_PLACE)
    if isinstance(place, Place):
        place.has_begun()
        place.take_own(("user", str(user_id)))
