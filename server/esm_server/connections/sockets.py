"""The connections of this process, seen from beside the HTTP server, as Linux tells of them."""

import fcntl
import os
import socket
import struct
import termios
from collections.abc import Generator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass

_BYTES_ACKED = 120
"""Where in the kernel's struct tcp_info the bytes are counted that a client has taken."""
_DESCRIPTORS = "/proc/self/fd"


@dataclass(frozen=True, slots=True)
class Connection:
    """A client's connection: which socket it is, and where this process has it."""

    inode: int
    descriptor: int
    peer: str

    def queued(self) -> int:
        """Bytes that the client has not taken yet; raises OSError."""
        answer = fcntl.ioctl(self.descriptor, termios.TIOCOUTQ, struct.pack("i", 0))
        return struct.unpack("i", answer)[0]

    def taken(self) -> int:
        """Bytes that the client has taken since it connected; raises OSError."""
        size = _BYTES_ACKED + 8
        with self._socket() as found:
            info = found.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, size)
        if len(info) < size:  # other systems than Linux, which speak as it does, know less
            raise OSError("The system does not tell what a client has taken.")
        return struct.unpack_from("=Q", info, _BYTES_ACKED)[0]

    def reset(self) -> None:
        """End it at once for both sides, whatever still waits in it; raises OSError."""
        with self._socket() as found:
            found.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            found.shutdown(socket.SHUT_RDWR)

    @contextmanager
    def _socket(self) -> Generator[socket.socket]:
        """The socket, unless its descriptor is another one's by now; raises OSError."""
        with _borrowed(self.descriptor) as found:
            if os.fstat(self.descriptor).st_ino != self.inode:
                raise OSError("The connection has ended.")
            yield found


class Connections:
    """What clients have connected to a port of this process; a context for looking at it often."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._peers: dict[int, str | None] = {}
        """Of the sockets seen last; None for what is no connection to the port."""

    def now(self) -> Mapping[int, Connection]:
        """Those that stand now, by the number of their socket."""
        found, peers = dict[int, Connection](), dict[int, str | None]()
        for name in os.listdir(_DESCRIPTORS):  # noqa: PTH208 - thousands, again and again
            with suppress(OSError):  # it may be closed by now
                link = os.readlink(f"{_DESCRIPTORS}/{name}")  # noqa: PTH115
                if (inode := _socket_number(link)) is None:
                    continue
                descriptor = int(name)
                if inode not in self._peers:
                    self._peers[inode] = _peer(descriptor, self._port)
                peers[inode] = peer = self._peers[inode]
                if peer is not None:
                    found[inode] = Connection(inode, descriptor, peer)
        self._peers = peers
        return found


def _socket_number(link: str) -> int | None:
    """The number in "socket:[123]"; None for other kinds of descriptors."""
    return int(link[8:-1]) if link.startswith("socket:[") else None


def _peer(descriptor: int, port: int) -> str | None:
    """Who has connected to the port; None for another kind of socket. Raises OSError."""
    with _borrowed(descriptor) as found:
        is_tcp = found.family in (socket.AF_INET, socket.AF_INET6)
        if not is_tcp or found.getsockname()[1] != port:
            return None
        return found.getpeername()[0]  # the listening one has none: OSError


@contextmanager
def _borrowed(descriptor: int) -> Generator[socket.socket]:
    """The socket of a descriptor that somebody else has, and closes; raises OSError.

    Never a copy: the descriptor may be one of SQLite's database by now, and whoever closes any copy
    of it has the system drop all locks that SQLite holds on that file.
    """
    found = socket.socket(fileno=descriptor)  # leaves alone what is no socket
    try:
        yield found
    finally:
        found.detach()
