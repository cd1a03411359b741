"""Watching the connections as such, which the HTTP server neither counts nor ends.

It has no deadline for writing and no bound by address, and when it has as many as it may have, it
takes no other, of whomever. So this looks from beside it at what Linux tells of each connection:
whose it is, how many bytes wait for its client, and how many it took. Elsewhere than on Linux
nobody looks.
"""

import logging
import sys
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from threading import Event, Thread
from time import monotonic, thread_time
from typing import Self

from esm_server.connections.addresses import network
from esm_server.connections.sockets import Connection, Connections
from esm_server.connections.surplus import Owner, surplus

SLOWEST = 8 * 2**10
"""Bytes a second that a client must take of what waits for it."""
LOOKS = 8
"""How often to look in the time that a client has, at least."""
LONGEST_PAUSE = 2.0
PAUSES = 10
"""How many times longer a pause is, at least, than a look takes of the processor."""
_LOG = logging.getLogger("esm_server")


@dataclass(frozen=True, slots=True)
class ConnectionBounds:
    """How many connections there may be, of one address and in all."""

    per_address: int
    most: int

    @classmethod
    def within(cls, connections: int, per_address: int) -> Self:
        """For a server that takes so many: a quarter of them at most is one address's.

        An eighth stays free, so that those who come find the server listening.
        """
        return cls(min(per_address, connections // 4), connections - connections // 8)


@dataclass(frozen=True, slots=True)
class _Waiting:
    """Since when bytes wait for a client, and how many it must have taken when its time is over."""

    since: float
    goal: int


class ConnectionWatch:
    """Closes connections of a port whose clients leave answers unread, or have too many of them.

    `counted` tells whose a peer's connections are, or None where no address has a bound;
    `unread_seconds` is the time that a client has for what waits for it. A context manager: looks
    from a thread of its own while the block runs.
    """

    def __init__(
        self, port: int, counted: Callable[[str], str | None], bounds: ConnectionBounds, *,
        unread_seconds: float,
    ) -> None:  # fmt: skip
        self._connections, self._counted, self._bounds = Connections(port), counted, bounds
        self._seconds = unread_seconds
        self._waiting: dict[int, _Waiting] = {}
        self._owners: dict[int, Owner] = {}
        """In the order in which they came."""
        self._ended = Event()

    def __enter__(self) -> Self:
        if sys.platform == "linux":
            Thread(target=self._watch, name="connections", daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()

    def _watch(self) -> None:
        pause = shortest = min(LONGEST_PAUSE, self._seconds / LOOKS)
        while not self._ended.wait(pause):
            began = thread_time()
            try:
                self._look()
            except Exception as error:
                _LOG.exception("the connections could not be looked at", exc_info=error)
            pause = max(shortest, PAUSES * (thread_time() - began))

    def _look(self) -> None:
        connections = self._connections.now()
        self._close_unread(connections)
        self._close_surplus(connections)

    def _close_unread(self, connections: Mapping[int, Connection]) -> None:
        now, waiting = monotonic(), dict[int, _Waiting]()
        for inode, connection in connections.items():
            with suppress(OSError):  # any may end at this moment
                expected = self._judged(connection, self._waiting.get(inode), now)
                if expected is not None:
                    waiting[inode] = expected
        self._waiting = waiting

    def _judged(
        self, connection: Connection, known: _Waiting | None, now: float
    ) -> _Waiting | None:
        """What to expect of a client from now on; None if nothing waits for it, or not any more."""
        queued = connection.queued()
        if queued == 0:
            return None
        taken = connection.taken()
        if known is None or taken >= known.goal:
            return _Waiting(now, taken + min(queued, int(SLOWEST * self._seconds)))
        if now < known.since + self._seconds:
            return known
        connection.reset()
        _LOG.info(
            "a client at %s did not take its answer: its connection is closed", connection.peer
        )
        return None

    def _close_surplus(self, connections: Mapping[int, Connection]) -> None:
        came = {inode: owner for inode, owner in self._owners.items() if inode in connections}
        for inode, connection in connections.items():
            if inode not in came:
                came[inode] = Owner(network(connection.peer), self._counted(connection.peer))
        self._owners = came
        bounds = self._bounds
        closed = surplus(came, per_address=bounds.per_address, most=bounds.most)
        for inode in closed:
            with suppress(OSError):
                connections[inode].reset()
        if closed:
            _LOG.info(
                "connections beyond %d of an address, or %d in all, are closed: %s",
                bounds.per_address, bounds.most, dict(Counter(closed.values())),
            )  # fmt: skip
