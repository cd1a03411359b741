"""Watching the connections as such, which the HTTP server neither counts nor ends.

It has no deadline for writing and no bound by address. So this looks from beside it at what Linux
tells of each connection: whose it is, how many bytes wait for its client, and how many it took.
Elsewhere than on Linux nobody looks.
"""

import fcntl
import logging
import os
import socket
import struct
import sys
import termios
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread
from time import monotonic
from typing import Self

SLOWEST = 8 * 2**10
"""Bytes a second that a client must take of what waits for it."""
LOOKS = 8
"""How often to look in the time that a client has, at least."""
LONGEST_PAUSE = 2.0
_BYTES_ACKED = 120
"""Where in the kernel's struct tcp_info the bytes are counted that a client has taken."""
_DESCRIPTORS = Path("/proc/self/fd")
_LOG = logging.getLogger("esm_server")


@dataclass(frozen=True, slots=True)
class _Waiting:
    """Since when bytes wait for a client, and how many it must have taken when its time is over."""

    since: float
    goal: int


class ConnectionWatch:
    """Closes connections of a port whose clients leave answers unread, or have too many of them.

    `counted` tells whose a peer's connections are, or None where they are not counted;
    `unread_seconds` is the time that a client has for what waits for it. A context manager: looks
    from a thread of its own while the block runs.
    """

    def __init__(
        self, port: int, counted: Callable[[str], str | None], *, per_address: int,
        unread_seconds: float,
    ) -> None:  # fmt: skip
        self._port, self._counted, self._per_address = port, counted, per_address
        self._seconds = unread_seconds
        self._waiting: dict[int, _Waiting] = {}
        self._owners: dict[int, str | None] = {}
        self._ended = Event()

    def __enter__(self) -> Self:
        if sys.platform == "linux":
            Thread(target=self._watch, name="connections", daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()

    def _watch(self) -> None:
        while not self._ended.wait(min(LONGEST_PAUSE, self._seconds / LOOKS)):
            self._look()

    def _look(self) -> None:
        now, waiting, owners = monotonic(), dict[int, _Waiting](), dict[int, str | None]()
        for inode, connection, peer in _connections(self._port):
            with suppress(OSError):  # any may end at this moment
                owners[inode] = self._counted(peer)
                known = self._waiting.get(inode)
                if (expected := self._judged(connection, peer, known, now)) is not None:
                    waiting[inode] = expected
        if surplus := self._surplus(owners):
            told = dict(Counter(surplus.values()))
            _LOG.info("connections beyond %d of an address are closed: %s", self._per_address, told)
            for inode, connection, _ in _connections(self._port):
                if inode in surplus:
                    with suppress(OSError):
                        _reset(connection)
        self._waiting, self._owners = waiting, owners

    def _judged(
        self, connection: socket.socket, peer: str, known: _Waiting | None, now: float
    ) -> _Waiting | None:
        """What to expect of a client from now on; None if nothing waits for it, or not any more."""
        queued, taken = _queued(connection), _taken(connection)
        if queued == 0:
            return None
        if known is None or taken >= known.goal:
            return _Waiting(now, taken + min(queued, int(SLOWEST * self._seconds)))
        if now < known.since + self._seconds:
            return known
        _reset(connection)
        _LOG.info("a client at %s did not take its answer: its connection is closed", peer)
        return None

    def _surplus(self, owners: Mapping[int, str | None]) -> dict[int, str]:
        """The connections beyond the bound of their owner; those that came first stay."""
        counts, surplus = Counter[str](), dict[int, str]()
        for inode in sorted(owners, key=lambda inode: inode not in self._owners):
            if (owner := owners[inode]) is not None:
                counts[owner] += 1
                if counts[owner] > self._per_address:
                    surplus[inode] = owner
        return surplus


def _connections(port: int) -> Iterator[tuple[int, socket.socket, str]]:
    """What clients have connected to a port of this process: number, connection, their address.

    The connection is a copy, which is closed when the next one is asked for.
    """
    for path in _DESCRIPTORS.iterdir():
        with suppress(OSError):  # it may be closed by now, and the listening one has no peer
            if not str(path.readlink()).startswith("socket:"):
                continue
            descriptor = os.dup(int(path.name))
            try:
                found = socket.socket(fileno=descriptor)
            except OSError:
                os.close(descriptor)
                raise
            with found:
                is_tcp = found.family in (socket.AF_INET, socket.AF_INET6)
                if is_tcp and found.getsockname()[1] == port:
                    yield os.fstat(found.fileno()).st_ino, found, found.getpeername()[0]


def _queued(connection: socket.socket) -> int:
    """Bytes that the client has not taken yet."""
    answer = fcntl.ioctl(connection.fileno(), termios.TIOCOUTQ, struct.pack("i", 0))
    return struct.unpack("i", answer)[0]


def _taken(connection: socket.socket) -> int:
    """Bytes that the client has taken since it connected."""
    size = _BYTES_ACKED + 8
    info = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, size)
    return struct.unpack_from("=Q", info, _BYTES_ACKED)[0]


def _reset(connection: socket.socket) -> None:
    """End it at once for both sides, whatever still waits in it."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.shutdown(socket.SHUT_RDWR)
