"""How many requests may be in progress at a time: of one user, and from one address.

A request is in progress from its head until its client has taken the answer, so slow bodies,
downloads and event streams count for as long as they last.
"""

import asyncio
import hashlib
from collections import Counter, OrderedDict
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Literal, cast

from litestar.types import ASGIApp, Message, Receive, Scope, Send

from esm_client.core.errors import RateLimited
from esm_server.connections.addresses import Addresses
from esm_server.connections.pieces import in_pieces
from esm_server.connections.refusal import refuse
from esm_server.connections.turns import LeastFirst, whose

ALWAYS_ANSWERED = frozenset({"/health/live", "/health/ready", "/metrics"})
"""Neither counted nor refused. They are short, and have threads of their own."""
BEGINNING = 2
"""Requests that are begun at a time, until it is known whose they are. Of the rest, those of those
who have least in progress come first every other time, so that who sends hundreds at once keeps
nobody waiting. More are no faster, since Python does one thing at a time, and all others get in
among them."""
BEGINNING_SECONDS, STRANGER_SECONDS = 0.1, 0.01
"""After which a place is given back whatever the request does, with a token and without: a look-up
that hangs, or a page for everybody that is long in coming, holds nobody up."""
KNOWN_TIMES = 2
"""How many times as many requests an address may have of users who are known, or may be."""
KNOWN_TOKENS = 4096
"""That are remembered, so that pages which need no token count as known users' as well."""
RETRY_AFTER_SECONDS = 5
_PLACE = "esm_place"
_UNAUTHORIZED = HTTPStatus.UNAUTHORIZED.value
_Key = tuple[str, str]
_Kind = Literal["coming", "known", "stranger"]
"""Of requests from an address, each with places of its own, so that those whom nobody knows leave
room for the others: whose token is looked up just now, whose it is, and all the rest."""
_NO_BOUND = float("inf")


class BoundedRequests:
    """ASGI wrapper: who has too many requests in progress is told so, and when to come back."""

    def __init__(
        self, app: ASGIApp, addresses: Addresses, *, per_user: int, per_address: int
    ) -> None:
        self._app, self._addresses = app, addresses
        self._places = Places(per_user, per_address)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        send_pieces = in_pieces(send)
        if scope["path"] in ALWAYS_ANSWERED:
            await self._app(scope, receive, send_pieces)
            return
        place = Place(self._places, self._addresses.of_request(scope))
        try:
            _come(scope, place)
        except RateLimited as error:
            place.leave()
            await refuse(send, error)
            return
        is_refused = False

        async def send_from_place(message: Message) -> None:
            nonlocal is_refused
            if is_refused:
                return
            if message["type"] == "http.response.start" and message["status"] == _UNAUTHORIZED:
                place.is_nobodys()
            try:
                place.has_begun()
            except RateLimited as error:
                is_refused = True
                await refuse(send, error)
            else:
                await send_pieces(message)

        try:
            await place.begin()
            await self._app(scope, receive, send_from_place)
        finally:
            place.leave()


def _come(scope: Scope, place: "Place") -> None:
    token = next((value for name, value in scope["headers"] if name == b"authorization"), None)
    whose.set(f"address {place.address}")
    if token is None:
        place.take_as("stranger")
    else:  # whose it is, is looked up later
        place.take_as("coming")
        digest = hashlib.sha256(token).hexdigest()
        whose.set(f"token {digest}")
        place.take_token(digest)
    cast("dict[str, Any]", scope)[_PLACE] = place


@dataclass
class Places:
    """The bounds, and what all requests take of them."""

    per_user: int
    per_address: int
    counts: Counter[_Key] = field(default_factory=Counter[_Key])
    known: OrderedDict[str, int] = field(default_factory=OrderedDict[str, int])
    """Whose the tokens are that were recognised, the last ones last."""
    gate: LeastFirst = field(default_factory=lambda: LeastFirst(BEGINNING))

    def recognise(self, token: str, user_id: int) -> None:
        """Remember for a while that this user has this token."""
        self.known[token] = user_id
        self.known.move_to_end(token)
        if len(self.known) > KNOWN_TOKENS:
            self.known.popitem(last=False)

    def forget(self, token: str) -> None:
        """It is nobody's any more."""
        self.known.pop(token, None)


class Place:
    """What one request takes of the bounds: as its address's, its token's and its user's."""

    def __init__(self, places: Places, address: str | None) -> None:
        self.address = address
        self._places = places
        self._token: str | None = None
        self._kind: _Kind | None = None
        self._taken: set[_Key] = set()
        self._is_beginning = False
        self._timer: asyncio.TimerHandle | None = None

    def take_as(self, kind: _Kind) -> None:
        """Count the request as such a one of its address, and not as another any more.

        Raises RateLimited where there are too many, and leaves it as it was.
        """
        before, address = self._kind, self.address or ""
        if kind != before:
            most = self._places.per_address * (1 if kind == "stranger" else KNOWN_TIMES)
            if self.address is None:
                most = _NO_BOUND
            self._take((kind, address), most, "Your address has")
            if before is not None:
                self._give_back((before, address))
        self._kind = kind

    def take_token(self, token: str) -> None:
        """Count it as its token's, of whom it may be; raises RateLimited."""
        self._token = token
        self._take(("token", token), self._places.per_user, "You have")
        if (user_id := self._places.known.get(token)) is not None:
            self._take(("asking", str(user_id)), _NO_BOUND, "")
            whose.set(f"user {user_id}")

    def take_user(self, user_id: int) -> None:
        """Count it as this user's, whose token it came with; raises RateLimited."""
        if self._token is not None:
            self._places.recognise(self._token, user_id)
        self.take_as("known")
        self._leave_gate()
        self._take(("user", str(user_id)), self._places.per_user, "You have")

    async def begin(self) -> None:
        """Wait for the turn to be begun."""
        await self._places.gate.enter(self._busy())
        self._is_beginning = True
        seconds = STRANGER_SECONDS if self._token is None else BEGINNING_SECONDS
        self._timer = asyncio.get_running_loop().call_later(seconds, self._leave_gate)

    def has_begun(self) -> None:
        """It is answered: the next may begin.

        Who is nobody's by now will be nobody's, unless the token was somebody's before. Raises
        RateLimited where an address has too many such requests.
        """
        self._leave_gate()
        if self._kind == "coming":
            self.take_as("known" if self._token in self._places.known else "stranger")

    def leave(self) -> None:
        """The request is over."""
        self._leave_gate()
        for key in list(self._taken):
            self._give_back(key)

    def is_nobodys(self) -> None:
        """Its token is nobody's, or not any more."""
        if self._token is not None:
            self._places.forget(self._token)

    def _busy(self) -> int:
        """How many requests its user has; of one who is not known, such ones of its address."""
        counts, address = self._places.counts, self.address or ""
        if self._token is None:
            return counts["stranger", address]
        user_id = self._places.known.get(self._token)
        if user_id is None:
            return counts["coming", address]
        return max(counts["user", str(user_id)], counts["asking", str(user_id)])

    def _leave_gate(self) -> None:
        if self._is_beginning:
            self._is_beginning = False
            self._places.gate.leave()
        if self._timer is not None:
            self._timer.cancel()

    def _take(self, key: _Key, most: float, who: str) -> None:
        """Once, unless `most` are in progress; raises RateLimited."""
        if key in self._taken:
            return
        counts = self._places.counts
        if counts[key] >= most:
            error = RateLimited(
                f"{who} {most} requests in progress, the most at a time.",
                "Try again when some of them are done.",
            )
            error.headers = {"Retry-After": str(RETRY_AFTER_SECONDS), "Connection": "close"}
            raise error
        counts[key] += 1
        self._taken.add(key)

    def _give_back(self, key: _Key) -> None:
        counts = self._places.counts
        self._taken.discard(key)
        counts[key] -= 1
        if not counts[key]:
            del counts[key]


def count_user(scope: Scope, user_id: int) -> None:
    """Count a request as its user's, whichever of their tokens it came with; raises RateLimited."""
    whose.set(f"user {user_id}")
    place = cast("dict[str, Any]", scope).get(_PLACE)
    if isinstance(place, Place):
        place.take_user(user_id)
