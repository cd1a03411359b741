"""How many connections one address may have, whatever it does with them."""

import socket
import sys
from contextlib import ExitStack

import pytest
from support.held import is_waiting
from support.waiting import until

from esm_server.connections.watch import ConnectionWatch

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells whose they are")
MOST = 4


class Door:
    """A listening socket of this process, and clients that connect to it."""

    def __init__(self, stack):
        self._stack = stack
        self._listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        self.port = self._listener.getsockname()[1]

    def open(self, count, source="127.0.0.1"):
        """The clients' sides of that many connections; the others stay open here."""
        clients = []
        for _ in range(count):
            client = socket.create_connection(("127.0.0.1", self.port), source_address=(source, 0))
            clients.append(self._stack.enter_context(client))
            self._stack.enter_context(self._listener.accept()[0])
        return clients


@pytest.fixture(name="door")
def _door():
    with ExitStack() as stack:
        yield Door(stack)


def watch(door, counted):
    return ConnectionWatch(door.port, counted, per_address=MOST, unread_seconds=0.4)


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
