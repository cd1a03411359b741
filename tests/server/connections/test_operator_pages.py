"""Health and metrics are answered whatever else the server is busy with."""

import asyncio
import json
import re
import threading
from contextlib import ExitStack, closing

import pytest
from sqlalchemy import text
from support.held import held, is_waiting, request, status, until_closed
from support.waiting import until

from esm_server.system.one_at_a_time import OneAtATime

WRITERS = 40
"""Of each of two users: more in all than there are threads for requests."""


def write(token, name):
    body = json.dumps({"name": name}).encode()
    return request(
        "POST", "/v1/namespaces", token, "Content-Type: application/json", "Connection: close",
        f"Content-Length: {len(body)}", body=body,
    )  # fmt: skip


def in_progress(client):
    told = client.get("/metrics").text
    return float(re.search(r"^esm_server_requests_in_progress (\S+)", told, re.MULTILINE)[1])


def test_they_need_no_thread_that_waiting_writers_hold(start_registry):
    running = start_registry()
    writers = [write(running.admin_token, f"a-{n}") for n in range(WRITERS)]
    writers += [write(running.write_token, f"w-{n}") for n in range(WRITERS)]
    with closing(running.database()) as database, running.client() as client, ExitStack() as stack:
        with database.write() as session:
            session.connection().execute(text("SELECT 1"))  # now nobody else may write
            waiting = stack.enter_context(held(running.url, *writers))
            until(lambda: in_progress(client) > 2 * WRITERS)
            for path in ("/health/live", "/health/ready", "/metrics"):
                assert client.get(path).status_code == 200
            assert all(map(is_waiting, waiting))
        assert {status(until_closed(one)) for one in waiting} <= {201, 503}


def test_who_asks_meanwhile_gets_the_same_answer():
    begun, go_on, times = threading.Event(), threading.Event(), []

    def work():
        times.append(1)
        begun.set()
        go_on.wait(60)
        return len(times)

    async def run():
        page = OneAtATime(work, "test")
        first = asyncio.create_task(page())
        await asyncio.to_thread(begun.wait, 60)
        more = [asyncio.create_task(page()) for _ in range(20)]
        await asyncio.sleep(0)
        go_on.set()
        assert await asyncio.gather(first, *more) == [1] * 21
        assert await page() == 2

    asyncio.run(run())


def test_everybody_is_told_of_an_error_and_nobody_of_an_old_one():
    answers = iter([ValueError("first")])

    def work():
        for error in answers:
            raise error
        return "well"

    async def run():
        page = OneAtATime(work, "test")
        with pytest.raises(ValueError, match="first"):
            await page()
        assert await page() == "well"

    asyncio.run(run())
