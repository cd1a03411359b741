"""A client whose requests come slowly, or that pauses for long, with a real server."""

from collections.abc import Iterator
from contextlib import closing

import pytest
from support.held import held, request, until_closed
from support.registry import RunningRegistry

from esm_client import Client
from esm_client.core import errors
from esm_client.core.artifact.manifest import digest_bytes
from esm_client.remote.config.settings import resolve_settings
from esm_client.remote.http.exchange import Exchange

IDLE = request("GET", "/health/live", None)


@pytest.fixture(name="impatient", scope="module")
def _impatient(tmp_path_factory):
    """A server that gives up a body that is quiet much sooner than an idle connection."""
    running = RunningRegistry(
        tmp_path_factory.mktemp("impatient"),
        {"ESM_SERVER_HEAD_SECONDS": "1.5", "ESM_SERVER_BODY_QUIET_SECONDS": "0.2"},
    )
    yield running
    running.kill()


@pytest.fixture(name="exchange")
def _exchange(impatient):
    settings = resolve_settings(impatient.url, impatient.write_token, patience=0)
    with closing(Exchange(settings)) as exchange:
        yield exchange


def stall(server):
    """Pause until the server has closed a connection that began to be idle just now."""
    with held(server.url, IDLE) as (other,):
        until_closed(other)


def test_an_idle_connection_that_the_server_closed_is_opened_again(impatient):
    with Client(impatient.url, impatient.write_token) as client:
        name = client.whoami().name
        for number in range(2):
            stall(impatient)
            client.tokens.create(f"idle-{number}", "read")  # never sent twice
            assert client.whoami().name == name


def test_an_upload_that_stalled_is_sent_again(impatient, exchange):
    data, times = bytes(range(100)), []

    def content() -> Iterator[bytes]:
        times.append(1)
        yield data[:10]
        if len(times) == 1:
            stall(impatient)
        yield data[10:]

    path = f"/v1/namespaces/stalling/blobs/{digest_bytes(data)}"
    headers = {"Content-Length": "100"}
    with exchange.answer("PUT", path, content=content, headers=headers) as response:
        assert response.status_code == 201
    assert len(times) == 2


def test_what_is_always_too_slow_is_told_in_a_sentence(impatient, exchange):
    def content() -> Iterator[bytes]:
        yield b"{"
        stall(impatient)
        yield b"}"

    with pytest.raises(errors.TooSlow) as caught:
        with exchange.answer(
            "POST", "/v1/namespaces", content=content, headers={"Content-Length": "2"}
        ):
            pass
    assert str(caught.value) == "The request's body came too slowly. Try again."
    assert caught.value.request_id
