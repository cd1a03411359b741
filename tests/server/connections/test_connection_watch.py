"""How many connections one address may have, and all together, whatever they do with them."""

import fcntl
import os
import socket
import subprocess
import sys
from contextlib import ExitStack, suppress

import pytest
from support.held import held, is_waiting
from support.waiting import until

from esm_server.connections import sockets
from esm_server.connections.addresses import network
from esm_server.connections.sockets import Connections
from esm_server.connections.surplus import FEW, Owner, surplus
from esm_server.connections.watch import ConnectionBounds, ConnectionWatch

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells whose they are")
MOST = 4


class Door:
    """A listening socket of this process, and clients that connect to it."""

    def __init__(self, stack):
        self._stack = stack
        self._listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        self.port = self._listener.getsockname()[1]
        self.served = []

    def open(self, count, source="127.0.0.1"):
        """The clients' sides of that many connections; the others stay open here."""
        clients = []
        for _ in range(count):
            client = socket.create_connection(("127.0.0.1", self.port), source_address=(source, 0))
            clients.append(self._stack.enter_context(client))
            self.served.append(self._stack.enter_context(self._listener.accept()[0]))
        return clients


@pytest.fixture(name="door")
def _door():
    with ExitStack() as stack:
        yield Door(stack)


def watch(door, counted, most=1000):
    return ConnectionWatch(door.port, counted, ConnectionBounds(MOST, most), unread_seconds=0.4)


def test_those_that_came_first_stay(door):
    first = door.open(MOST)
    with watch(door, lambda peer: peer):
        later = door.open(3)
        until(lambda: not any(map(is_waiting, later)))
        again = door.open(2)
        until(lambda: not any(map(is_waiting, again)))
        assert all(map(is_waiting, first))


def test_those_of_others_are_left_alone(door):
    others = door.open(MOST, "127.0.0.2") + door.open(MOST, "127.0.0.3")
    with watch(door, lambda peer: peer):
        surplus = door.open(MOST + 3, "127.0.0.4")[MOST:]
        until(lambda: not any(map(is_waiting, surplus)))
        assert all(map(is_waiting, others))


def test_who_is_not_counted_may_have_many(door):
    mine, other = door.open(5 * MOST), ExitStack()
    with other, watch(door, lambda peer: None):
        second = Door(other)
        with watch(second, lambda peer: peer):  # its looks show that time passes
            surplus = second.open(MOST + 2)[MOST:]
            until(lambda: not any(map(is_waiting, surplus)))
        assert all(map(is_waiting, mine))


def test_all_together_are_bounded_whoever_they_are(door):
    few = door.open(FEW, "127.0.0.2")
    many = door.open(40, "127.0.0.3")
    with watch(door, lambda peer: None, most=FEW + 20):
        until(lambda: sum(map(is_waiting, many)) == 20)
        assert all(map(is_waiting, few))
        assert all(map(is_waiting, many[:20]))


@pytest.mark.process
def test_a_server_whose_places_are_all_taken_answers(start_registry):
    """Silent connections of eight addresses, more than fit into a low limit of open files."""
    limited = ("sh", "-c", 'ulimit -n 1024 && exec "$@"', "sh")
    running = start_registry(env={"ESM_SERVER_HEAD_SECONDS": "3600"}, before=limited)
    with ExitStack() as stack:
        for number in range(2, 10):
            stack.enter_context(held(running.url, *[b""] * 100, source=f"127.0.0.{number}"))
        with running.client(running.read_token) as client:
            for path in ("/health/live", "/health/ready", "/metrics", "/v1/esms"):
                assert client.get(path).status_code == 200


def owners(**counts):
    """Connections by number: of each network so many, one after the other of each in turn."""
    came = [(turn, name) for name, count in counts.items() for turn in range(count)]
    return {number: owner(name) for number, (_, name) in enumerate(sorted(came))}


def owner(name):
    return Owner(name, None if name.startswith("proxy") else name)


@pytest.mark.parametrize(
    ("counts", "per_address", "most", "closed"),
    [
        ({"a": 50, "b": 50}, 50, 100, {}),
        ({"a": 60, "b": 20}, 50, 100, {"a": 10}),
        ({"a": 60, "b": 20, "c": 20}, 100, 80, {"a": 20}),
        ({"a": 60, "b": 50, "c": 20}, 100, 100, {"a": 20, "b": 10}),
        # first what is beyond the bound of an address, then what is still too much
        ({"a": 80, "b": 50, "c": 20}, 60, 100, {"a": 40, "b": 10}),
        # a proxy has those of many: the others come first, but those who have few
        ({"proxy": 500, "a": 60, "b": 20}, 100, 540, {"a": 40}),
        ({"proxy": 500, "a": 60, "b": 20, "c": 3}, 100, 500, {"a": 44, "b": 4, "proxy": 35}),
        ({"proxy": 500, "proxy-2": 400}, 10, 700, {"proxy": 150, "proxy-2": 50}),
        # there is nobody who has more than a few
        ({"a": 10, "b": 9, "proxy": 8}, 100, 20, {"a": 4, "b": 3}),
    ],
)
def test_who_gives_connections(counts, per_address, most, closed):
    standing = owners(**counts)
    found = surplus(standing, per_address=per_address, most=most)
    assert {name: list(found.values()).count(name) for name in set(found.values())} == closed
    for name, count in closed.items():
        newest = [number for number, whose in standing.items() if whose.network == name][-count:]
        assert newest == sorted(number for number, whose in found.items() if whose == name)


@pytest.mark.parametrize(
    ("peer", "found"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2::9", "2001:db8:1::/48"),
        ("2001:db8:1:3::9", "2001:db8:1::/48"),
    ],
)
def test_a_network_that_one_client_may_have(peer, found):
    assert network(peer) == found


@pytest.mark.parametrize(
    ("connections", "wanted", "per_address", "most"),
    [(8192, 512, 512, 7168), (8192, 8192, 2048, 7168), (768, 512, 192, 672)],
)
def test_one_address_has_a_quarter_and_an_eighth_is_free(connections, wanted, per_address, most):
    assert ConnectionBounds.within(connections, wanted) == ConnectionBounds(per_address, most)


def test_an_exception_does_not_end_the_watch(door, monkeypatch, caplog):
    """No descriptor is left for looking, for instance."""
    listdir, failures = os.listdir, iter([OSError(24, "Too many open files"), ValueError("once")])

    def failing(path):
        for error in failures:
            raise error
        return listdir(path)

    monkeypatch.setattr(sockets.os, "listdir", failing)
    with watch(door, lambda peer: peer):
        later = door.open(MOST + 2)[MOST:]
        until(lambda: not any(map(is_waiting, later)))
    assert caplog.text.count("the connections could not be looked at") == 2


def test_a_system_that_tells_little_still_bounds_connections(door, monkeypatch):
    monkeypatch.setattr(socket.socket, "getsockopt", short(socket.socket.getsockopt))
    door.open(1)
    (unread,) = door.served
    unread.setblocking(False)
    with suppress(BlockingIOError):
        while True:
            unread.send(bytes(65536))
    with watch(door, lambda peer: peer):
        later = door.open(MOST + 2)[MOST:]
        until(lambda: not any(map(is_waiting, later)))


def short(getsockopt):
    """Fewer bytes of struct tcp_info than Linux has."""

    def answer(connection, level, option, size=0):
        told = getsockopt(connection, level, option, size) if size else None
        return told[:64] if size else getsockopt(connection, level, option)

    return answer


LOCKED = """
import fcntl, sys
try:
    fcntl.lockf(open(sys.argv[1], "r+"), fcntl.LOCK_EX | fcntl.LOCK_NB)
except OSError:
    print("locked")
"""


def test_a_descriptor_that_is_a_files_by_now_keeps_the_locks_of_the_file(
    door, monkeypatch, tmp_path
):
    """It was a connection's when it was looked at, and SQLite opened its database meanwhile."""
    path = tmp_path / "database"
    readlink = os.readlink
    with path.open("w") as file:
        fcntl.lockf(file, fcntl.LOCK_EX)
        number = str(file.fileno())
        monkeypatch.setattr(
            sockets.os, "readlink",
            lambda link: "socket:[1]" if link.endswith(f"/{number}") else readlink(link),
        )  # fmt: skip
        assert 1 not in Connections(door.port).now()
        asked = [sys.executable, "-c", LOCKED, str(path)]
        assert subprocess.check_output(asked, text=True) == "locked\n"


def test_a_descriptor_that_is_anothers_by_now_is_left_alone(door):
    client, other = door.open(1), ExitStack()
    (seen,) = Connections(door.port).now().values()
    with other:
        mine, yours = socket.socketpair()
        other.enter_context(mine)
        other.enter_context(yours)
        before = os.dup(seen.descriptor)
        os.dup2(mine.fileno(), seen.descriptor)
        for ask in (seen.taken, seen.reset):
            with pytest.raises(OSError, match="has ended"):
                ask()
        mine.sendall(b"still there")
        assert yours.recv(100) == b"still there"
        os.dup2(before, seen.descriptor)
        os.close(before)
    assert all(map(is_waiting, client))
