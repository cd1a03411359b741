"""Health and metrics are answered whatever else the server is busy with."""

import asyncio
import json
import re
import threading
import time
from contextlib import ExitStack, closing

import pytest
from sqlalchemy import text
from support.held import held, is_waiting, request, status, until_closed
from support.waiting import until

from esm_server.db.engines import WAIT_MS
from esm_server.system.one_at_a_time import OneAtATime

WRITERS = 40
"""Of each of two users: more in all than there are threads for requests."""

WRITERS_SECONDS = WAIT_MS / 1000 - 1
"""Less than a writer waits for another."""


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


@pytest.fixture(name="locked")
def _locked(registry):
    """The registry while somebody writes, and tokens that nobody has used yet."""
    unused = [registry.create_token("read") for _ in range(10)]
    with registry.client(registry.write_token) as client:
        client.get("/v1/whoami").raise_for_status()  # it is noted that this one is used
    with closing(registry.database()) as database, database.write() as session:
        session.connection().execute(text("SELECT 1"))
        yield registry, unused


def test_a_scrape_with_a_token_waits_for_no_writer(locked):
    registry, unused = locked
    began = time.monotonic()
    for token in unused[:3]:
        with registry.client(token) as client:
            proxied = {"X-Forwarded-For": "192.0.2.1"}
            assert client.get("/metrics", headers=proxied).status_code == 200
    assert time.monotonic() - began < WRITERS_SECONDS


def test_tokens_whose_use_cannot_be_noted_keep_nobody_waiting(locked):
    """More of them than requests are begun at a time."""
    registry, unused = locked
    began = time.monotonic()
    whoami = [request("GET", "/v1/whoami", token, "Connection: close") for token in unused]
    with held(registry.url, *whoami) as connections:
        with registry.client(registry.write_token) as client:
            assert client.get("/v1/whoami").status_code == 200
        assert {status(until_closed(one)) for one in connections} == {200}
    assert time.monotonic() - began < WRITERS_SECONDS


def test_the_use_of_a_token_is_noted_once_a_writer_has_ended(registry):
    token = registry.create_token("read")
    with closing(registry.database()) as database, registry.client(token) as client:
        with database.write() as session:
            session.connection().execute(text("SELECT 1"))
            name = client.get("/v1/whoami").json()["name"]
        statement = (
            "SELECT last_used_at FROM tokens JOIN users ON users.id = user_id WHERE users.name = :n"
        )
        until(lambda: registry.query(statement, n=name)[0][0] is not None)


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
