"""Threads that callers take turns with."""

import asyncio
import threading
from concurrent.futures import wait
from contextvars import copy_context

import pytest

from esm_server.connections.turns import FairThreads, Gate, whose


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
