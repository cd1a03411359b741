"""Threads that callers take turns with."""

import asyncio
import importlib
import threading
from concurrent.futures import wait
from contextvars import copy_context

import pytest

from esm_server.bodies import decoded
from esm_server.connections.turns import FairThreads, Gate, LeastFirst, whose


def submit(threads, caller, work, *given):
    """As a request of this caller does."""

    def run():
        whose.set(caller)
        return threads.submit(work, *given)

    return copy_context().run(run)


@pytest.fixture(name="threads")
def _threads():
    with FairThreads(1, "test") as threads:
        yield threads


def test_who_has_much_work_does_not_keep_others_waiting(threads):
    go_on, done = threading.Event(), []
    first = submit(threads, "many", go_on.wait, 60)
    futures = [submit(threads, "many", done.append, f"many-{n}") for n in range(50)]
    futures += [submit(threads, "few", done.append, f"few-{n}") for n in range(2)]
    futures += [submit(threads, "one", done.append, "one")]
    go_on.set()
    wait([first, *futures])
    assert done[:5] == ["many-0", "few-0", "one", "many-1", "few-1"]
    assert done[5:] == [f"many-{n}" for n in range(2, 50)]


def test_results_and_errors_come_back(threads):
    assert submit(threads, "a", max, 1, 2).result(60) == 2
    with pytest.raises(ZeroDivisionError):
        submit(threads, "a", divmod, 1, 0).result(60)


def test_all_work_is_done_before_the_threads_end():
    done = []
    with FairThreads(4, "test") as threads:
        for number in range(200):
            submit(threads, f"caller-{number % 7}", done.append, number)
    assert sorted(done) == list(range(200))
    with pytest.raises(RuntimeError):
        threads.submit(print)


def test_one_caller_has_the_half_of_the_threads_at_most():
    go_on, many, few = threading.Event(), Begun(2), Begun(2)
    with FairThreads(4, "test") as threads:
        held = [submit(threads, "many", many.then, go_on) for _ in range(20)]
        try:
            assert many.come.wait(60)
            others = [submit(threads, "few", few.then, go_on) for _ in range(2)]
            assert few.come.wait(60)
            assert len(many.begun) == 2
        finally:
            go_on.set()
        wait([*held, *others], 60)
    assert len(many.begun) == 20


def test_work_that_was_given_up_takes_no_thread():
    go_on = threading.Event()
    with FairThreads(2, "test") as threads:
        first = submit(threads, "a", go_on.wait, 60)
        given_up = [submit(threads, "a", max, 1, 2) for _ in range(5)]
        assert all(future.cancel() for future in given_up)
        last = submit(threads, "a", max, 3, 4)
        go_on.set()
        assert last.result(60) == 4
        assert first.result(60)


class Begun:
    """Tells when so many pieces of work have begun, each of which then waits."""

    def __init__(self, count):
        self.begun, self.come, self._count = [], threading.Event(), count

    def then(self, go_on):
        self.begun.append(1)
        if len(self.begun) == self._count:
            self.come.set()
        return go_on.wait(60)


async def passed(gate, caller, order, name=None):
    whose.set(caller)
    await gate.enter()
    order.append(name or caller)


def test_callers_pass_a_gate_in_turn():
    async def run():
        gate, order = Gate(2), []
        many = [asyncio.create_task(passed(gate, "many", order)) for _ in range(6)]
        few = [asyncio.create_task(passed(gate, "few", order)) for _ in range(2)]
        await asyncio.sleep(0)
        assert order == ["many", "many"]
        for _ in range(6):
            gate.leave()
            await asyncio.sleep(0)
        assert order == ["many", "many", "many", "few", "many", "few", "many", "many"]
        await asyncio.gather(*many, *few)

    asyncio.run(run())


def test_the_least_busy_pass_first_and_others_in_turn_among_them():
    async def run():
        gate, order = LeastFirst(1), []

        async def passes(caller, busy):
            whose.set(caller)
            await gate.enter(busy)
            order.append(caller)

        await passes("first", 0)
        many = [("a", 9), ("a", 9), ("b", 9), ("c", 40), ("d", 1), ("d", 1)]
        waiting = [asyncio.create_task(passes(*one)) for one in many]
        await asyncio.sleep(0)
        waiting[4].cancel()
        for _ in many:
            await asyncio.sleep(0)
            gate.leave()
        await asyncio.gather(*waiting, return_exceptions=True)
        assert order == ["first", "d", "a", "b", "c", "a"]
        await passes("last", 0)  # into the place that is free again

    asyncio.run(run())


@pytest.mark.filterwarnings("ignore:Deprecated 'query' parameter")
@pytest.mark.parametrize("what", ["documents", "packs"])
def test_who_has_many_of_them_does_not_keep_others_waiting(what, tmp_path):
    """Two are worked on at a time: of documents that are decoded, of packs that are published."""
    packs = importlib.import_module("esm_server.packs.controllers")
    go_on, done = threading.Event(), []

    def work(caller):
        go_on.wait(60)
        done.append(caller)

    async def ask(caller):
        whose.set(caller)
        if what == "documents":
            await decoded(work, caller)
        else:
            await packs.PackController.push_pack.fn(
                None, Asked(), Packs(tmp_path), Published(work), caller, "namespace"
            )

    async def run():
        many = [asyncio.create_task(ask("many")) for _ in range(6)]
        await asyncio.sleep(0.01)
        few = [asyncio.create_task(ask("few")) for _ in range(2)]
        await asyncio.sleep(0.01)
        go_on.set()
        await asyncio.gather(*many, *few)

    asyncio.run(run())
    assert sorted(done) == ["few"] * 2 + ["many"] * 6
    assert "few" in done[2:4]
    assert done[-1] == "many"


class Asked:
    """A request."""

    headers, content_length = {}, 0

    async def stream(self):
        yield b""


class Packs:
    """Where packs arrive, at once."""

    def __init__(self, spool):
        self.spool = spool

    async def receive_pack(self, *given):
        """Nothing is read."""


class Published:
    """Publishes packs by `work`, which is told whose each is."""

    def __init__(self, work):
        self._work = work

    def publish(self, file, namespace, caller):
        self._work(caller)


def test_who_gives_up_at_a_gate_takes_no_place():
    async def run():
        gate, order = Gate(1), []
        await passed(gate, "first", order)
        waiting = [asyncio.create_task(passed(gate, "a", order, f"a{n}")) for n in range(3)]
        await asyncio.sleep(0)
        waiting[0].cancel()
        await asyncio.sleep(0)
        gate.leave()  # to a1
        waiting[1].cancel()  # which gives it on
        await asyncio.gather(*waiting, return_exceptions=True)
        assert order == ["first", "a2"]
        gate.leave()
        await passed(gate, "last", order)
        assert order == ["first", "a2", "last"]

    asyncio.run(run())
