"""A cancelled request waits for the thread that works for it."""

import asyncio
import threading

import pytest

from esm_server.artifacts.settled import settled
from esm_server.artifacts.streams import _ahead


def test_who_is_cancelled_waits():
    async def run():
        started, go_on, done = threading.Event(), threading.Event(), threading.Event()

        def work():
            started.set()
            go_on.wait(10)
            done.set()

        task = asyncio.create_task(settled(work))
        await asyncio.to_thread(started.wait, 10)
        task.cancel()
        await asyncio.sleep(0.05)
        task.cancel()
        assert not task.done()
        go_on.set()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert done.is_set()

    asyncio.run(run())


def test_results_and_errors_come_through():
    assert asyncio.run(settled(sum, [1, 2])) == 3
    with pytest.raises(ZeroDivisionError):
        asyncio.run(settled(divmod, 1, 0))


def test_a_stream_that_nobody_listens_to_any_more_is_closed():
    async def run(how):
        closed = threading.Event()

        def chunks():
            try:
                for number in range(100):
                    yield bytes([number])
            finally:
                closed.set()

        got, three = [], asyncio.Event()

        async def listen():
            stream = _ahead(chunks())
            try:
                async for chunk in stream:
                    got.append(chunk)
                    if len(got) == 3:
                        three.set()
                        await how()
            finally:
                await stream.aclose()

        task = asyncio.create_task(listen())
        await three.wait()
        task.cancel()
        with pytest.raises((asyncio.CancelledError, ConnectionError)):
            await task
        assert await asyncio.to_thread(closed.wait, 10)
        assert got == [b"\x00", b"\x01", b"\x02"]

    async def fails():
        raise ConnectionError

    asyncio.run(run(lambda: asyncio.sleep(60)))
    asyncio.run(run(fails))


def test_a_stream_that_is_cancelled_while_it_reads_is_closed():
    async def run():
        reading, go_on, closed = threading.Event(), threading.Event(), threading.Event()

        def chunks():
            try:
                reading.set()
                go_on.wait(10)
                yield b"too late"
            finally:
                closed.set()

        held = chunks()  # nothing is closed because it is forgotten

        async def listen():
            async for _ in _ahead(held):
                pass

        task = asyncio.create_task(listen())
        await asyncio.to_thread(reading.wait, 10)
        task.cancel()
        await asyncio.sleep(0.05)
        go_on.set()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await asyncio.to_thread(closed.wait, 10)

    asyncio.run(run())
