"""Answers that their clients do not take: counted for as long as they last, and not for ever."""

import asyncio
import sys
import time

import pytest
from support.artifacts import make_esm, publish
from support.held import connect, held, is_waiting, request, status, until_closed
from support.waiting import until

from esm_server.connections.addresses import Addresses
from esm_server.connections.bounds import BoundedRequests
from esm_server.connections.pieces import PIECE_BYTES, in_pieces

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells what waits")
SMALL = 4096
"""A client's buffer: what it does not read waits in the server."""
TOLD = "did not take its answer"


@pytest.fixture(name="file", scope="module")
def _file(serving):
    """The path of a file of nine megabytes: more than the buffers of a connection hold."""
    return "/v1/esms/t/large/versions/latest/files/model.safetensors"


@pytest.fixture(name="serving", scope="module")
def _serving(registry_of, tmp_path_factory):
    running = registry_of(
        {
            "ESM_SERVER_UNREAD_SECONDS": "1",
            "ESM_SERVER_REQUESTS_PER_USER": "4",
            "ESM_SERVER_HEAD_SECONDS": "3600",
        }
    )
    folder = tmp_path_factory.mktemp("large")
    for name, dimension in (("large", 1536), ("middle", 400)):
        directory = make_esm(folder, name, dimension=dimension)
        publish(running, directory, f"t/{name}", space=name).raise_for_status()
    return running


def times_told(running):
    return running.log.count(TOLD)


def test_a_download_that_nobody_reads_is_ended_and_its_place_comes_back(serving, file):
    before = times_told(serving)
    download = request("GET", file, serving.read_token)
    with held(serving.url, *[download] * 4, receive_buffer=SMALL) as connections:
        with serving.client(serving.read_token) as client:
            until(lambda: times_told(serving) >= before + 4)
            until(lambda: client.get("/v1/whoami").status_code == 200)
        for one in connections:
            assert len(until_closed(one)) < 9_000_000


def test_downloads_that_nobody_reads_hold_their_users_places(start_registry, esm_directory):
    running = start_registry(
        env={"ESM_SERVER_UNREAD_SECONDS": "3600", "ESM_SERVER_REQUESTS_PER_USER": "2"}
    )
    publish(running, esm_directory("large", dimension=1536), "t/large").raise_for_status()
    file = "/v1/esms/t/large/versions/latest/files/model.safetensors"
    download = request("GET", file, running.read_token)
    with held(running.url, *[download] * 2, receive_buffer=SMALL) as connections:
        with running.client(running.read_token) as client:
            until(lambda: client.get("/v1/whoami").status_code == 429)
            with running.client(running.write_token) as other:
                assert other.get("/v1/whoami").status_code == 200
            for one in connections:
                one.close()
            until(lambda: client.get("/v1/whoami").status_code == 200)


def test_an_answer_that_is_read_by_drops_is_ended(serving, file):
    before = times_told(serving)
    with connect(serving.url, SMALL) as connection:
        connection.sendall(request("GET", file, serving.read_token))
        received = 0
        try:
            while part := connection.recv(200):
                received += len(part)
                time.sleep(0.1)
        except ConnectionError:
            pass
    assert received < 9_000_000
    assert times_told(serving) == before + 1


def test_the_end_of_an_answer_that_nobody_reads_is_ended(serving):
    """Small enough to be handed over at once: no request is in progress any more."""
    before = times_told(serving)
    path = "/v1/esms/t/middle/versions/latest/files/model.safetensors"
    with held(serving.url, request("GET", path, serving.read_token), receive_buffer=SMALL):
        until(lambda: times_told(serving) > before)


def test_a_document_that_nobody_without_a_token_reads_is_ended(serving):
    before = times_told(serving)
    documents = [request("GET", path, None) for path in ("/openapi.json", "/docs")]
    with held(serving.url, *documents, receive_buffer=SMALL):
        until(lambda: times_told(serving) >= before + 2)


def test_a_slow_reader_gets_all(serving, file):
    before = times_told(serving)
    with connect(serving.url) as connection:
        connection.sendall(request("GET", file, serving.read_token, "Connection: close"))
        received = bytearray()
        while part := connection.recv(65536):
            received += part
            time.sleep(0.02)
    head, _, body = bytes(received).partition(b"\r\n\r\n")
    assert status(head) == 200
    assert f"content-length: {len(body)}".encode() in head.lower()
    assert times_told(serving) == before


def test_connections_that_only_wait_are_left_alone(serving):
    """Idle ones and ones in the midst of a request have nothing to take."""
    before = times_told(serving)
    whole = request("GET", "/health/live", None)
    with held(serving.url, whole, b"GET /v1 HTTP/1.1\r\n") as (idle, half):
        assert status(idle.recv(65536)) == 200
        until_others_were_looked_at(serving)
        assert is_waiting(idle)
        assert is_waiting(half)
    assert times_told(serving) == before + 1


def until_others_were_looked_at(serving):
    """An unread answer was looked at until its time was over, so the others were as well."""
    before = times_told(serving)
    with held(serving.url, request("GET", "/openapi.json", None), receive_buffer=SMALL):
        until(lambda: times_told(serving) > before)


def test_a_large_document_is_whole(serving):
    with serving.client() as client:
        answer = client.get("/openapi.json")
    assert len(answer.content) == int(answer.headers["content-length"]) > PIECE_BYTES
    assert answer.json()["openapi"]


@pytest.mark.parametrize("sizes", [[0], [5], [PIECE_BYTES], [PIECE_BYTES + 1], [10**6, 7, 0],
                                   [3, 10**6], [PIECE_BYTES * 3, PIECE_BYTES, 0]])  # fmt: skip
def test_pieces_are_the_answer(sizes):
    parts = [bytes([number]) * size for number, size in enumerate(sizes)]
    sent = []

    async def run():
        async def send(message):
            sent.append(message)

        wrapped = in_pieces(send)
        await wrapped({"type": "http.response.start", "status": 200, "headers": []})
        for number, part in enumerate(parts):
            more = number < len(parts) - 1
            await wrapped({"type": "http.response.body", "body": part, "more_body": more})

    asyncio.run(run())
    start, *bodies = sent
    assert start["status"] == 200
    assert b"".join(body["body"] for body in bodies) == b"".join(parts)
    assert max(len(body["body"]) for body in bodies) <= PIECE_BYTES
    assert [body["more_body"] for body in bodies] == [True] * (len(bodies) - 1) + [False]


def test_metrics_are_handed_over_in_pieces_too():
    """Else a page that many with a token leave unread would lie whole in memory for each."""
    sent = []

    async def app(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        body = bytes(3 * PIECE_BYTES)
        await send({"type": "http.response.body", "body": body, "more_body": False})

    async def send(message):
        sent.append(len(message.get("body", b"")))

    bounded = BoundedRequests(app, Addresses(()), per_user=1, per_address=1)
    scope = {"type": "http", "path": "/metrics", "client": ("192.0.2.1", "1"), "headers": []}
    asyncio.run(bounded(scope, None, send))
    assert max(sent) == PIECE_BYTES
    assert sum(sent) == 3 * PIECE_BYTES
