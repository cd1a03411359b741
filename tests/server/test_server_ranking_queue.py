"""The queue of rankings: a place for everybody, and everybody hears how it ended."""

import threading
import time

import numpy as np
import pytest

from esm_client.core.errors import RateLimited
from esm_server.engine.request import PoolScores
from esm_server.rankings.queue import RankingQueue

SCORES = PoolScores(0.0, np.zeros(1), np.ones(1, dtype=np.bool_))


class Gate:
    """Computations that wait, and how many of them run."""

    def __init__(self):
        self.open, self.running, self.most = threading.Event(), 0, 0
        self.began: list[str] = []
        self.lock = threading.Lock()

    def compute(self, owner):
        def run(progress, cancelled):
            with self.lock:
                self.began.append(owner)
                self.running += 1
                self.most = max(self.most, self.running)
            self.open.wait(20)
            with self.lock:
                self.running -= 1
            return SCORES

        return run

    def wait_for(self, count):
        deadline = time.monotonic() + 20
        while len(self.began) < count and time.monotonic() < deadline:
            time.sleep(0.005)
        assert len(self.began) == count


def nothing(_):
    pass


@pytest.fixture(name="gate")
def _gate():
    gate = Gate()
    yield gate
    gate.open.set()


def test_who_left_frees_no_place_before_the_thread_is_through(gate):
    queue = RankingQueue(running=2, waiting=50, waiting_per_owner=50)
    for number in range(20):
        own = f"owner {number % 4}"
        made = queue.submit(str(number), own, gate.compute(own), nothing, nothing)
        queue.leave(made, nothing)
    gate.wait_for(2)
    gate.open.set()
    time.sleep(0.1)
    assert gate.most == 2


def test_an_owner_leaves_a_place_to_others(gate):
    queue = RankingQueue(running=3, waiting=50, waiting_per_owner=50)
    for number in range(6):
        queue.submit(f"a{number}", "a", gate.compute("a"), nothing, nothing)
    gate.wait_for(2)
    queue.submit("b0", "b", gate.compute("b"), nothing, nothing)
    gate.wait_for(3)
    assert gate.began == ["a", "a", "b"]
    gate.open.set()
    gate.wait_for(7)


def test_bounds(gate):
    queue = RankingQueue(running=1, waiting=3, waiting_per_owner=2)
    for number in range(3):
        queue.submit(f"a{number}", "a", gate.compute("a"), nothing, nothing)
    with pytest.raises(RateLimited, match="2 rankings of yours wait"):
        queue.submit("a3", "a", gate.compute("a"), nothing, nothing)
    queue.submit("b0", "b", gate.compute("b"), nothing, nothing)
    with pytest.raises(RateLimited, match="3 rankings wait"):
        queue.submit("c0", "c", gate.compute("c"), nothing, nothing)


def test_one_who_fails_keeps_nobody_from_hearing(gate):
    queue = RankingQueue(running=1, waiting=9, waiting_per_owner=9)
    heard, after = threading.Event(), threading.Event()

    def fail(_):
        raise OSError("no space left")

    queue.submit("a", "x", gate.compute("x"), fail, lambda _: after.set())
    queue.submit("a", "y", gate.compute("y"), lambda _: heard.set(), nothing)
    gate.open.set()
    assert heard.wait(20)
    assert after.wait(20)
    done = threading.Event()
    queue.submit("b", "x", gate.compute("x"), lambda _: done.set(), fail)
    assert done.wait(20)
    assert gate.began == ["x", "x"]


def test_a_closed_queue_begins_nothing_and_tells_nobody(gate):
    queue = RankingQueue(running=1, waiting=9, waiting_per_owner=9)
    heard = []
    queue.submit("a", "x", gate.compute("x"), heard.append, nothing)
    queue.submit("b", "y", gate.compute("y"), heard.append, nothing)
    gate.wait_for(1)
    queue.close()
    gate.open.set()
    time.sleep(0.2)
    assert gate.began == ["x"]
    assert not heard
