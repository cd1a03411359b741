"""Who sends slowly, or stops half-way, keeps nobody waiting, and is not waited for without end."""

import json
import threading
from collections import Counter
from contextlib import suppress

import pytest
from support.held import (
    half_body,
    held,
    is_waiting,
    request,
    short_upload,
    short_version,
    status,
    until_closed,
)
from support.waiting import until

from esm_client.core.limits import MAX_VERSION_JSON_BYTES
from esm_server.bodies import HELD_BODY_BYTES

ATTACK = 810
"""More connections than c862ab7 could serve: one token's half bodies kept everybody out."""
NEVER = {
    "ESM_SERVER_HEAD_SECONDS": "3600",
    "ESM_SERVER_BODY_QUIET_SECONDS": "3600",
    "ESM_SERVER_BODY_SECONDS": "3600",
}
"""So that what is seen is not owed to a deadline."""
DIGEST = "sha256:" + "0" * 64


@pytest.fixture(name="patient", scope="module")
def _patient(registry_of):
    return registry_of(NEVER)


def others_are_answered(running):
    """Requests of another user, and the pages that are always answered."""
    with running.client(running.write_token) as client:
        for path in ("/v1/esms", "/v1/whoami", "/v1", "/health/live", "/health/ready", "/metrics"):
            assert client.get(path).status_code == 200, path


def test_half_bodies_of_one_token_keep_nobody_waiting(patient):
    with held(patient.url, *[half_body(patient.read_token)] * ATTACK) as attack:
        others_are_answered(patient)
        until(lambda: sum(map(is_waiting, attack)) == 64)
        refused = [status(until_closed(one)) for one in attack if not is_waiting(one)]
        assert Counter(refused) == {429: ATTACK - 64}
        others_are_answered(patient)


@pytest.mark.parametrize(
    "beginning",
    [b"", b"GET /v1 HTTP/1.1\r\nHost: x\r\nX: ", b"PRI * HT", b"POST / HTTP/1.1\r\n"],
    ids=["silence", "half a head", "half a preface of HTTP/2", "a first line"],
)
def test_connections_without_a_head_keep_nobody_waiting(patient, beginning):
    with held(patient.url, *[beginning] * ATTACK) as attack:
        others_are_answered(patient)
        assert all(map(is_waiting, attack))


def test_idle_connections_keep_nobody_waiting(patient):
    whole = request("GET", "/health/live", None)
    with held(patient.url, *[whole] * ATTACK) as attack:
        for one in attack:
            assert status(one.recv(65536)) == 200
        others_are_answered(patient)
        assert all(map(is_waiting, attack))


@pytest.fixture(name="impatient", scope="module")
def _impatient(registry_of):
    """A server that waits neither for heads nor for bytes of bodies."""
    return registry_of({"ESM_SERVER_HEAD_SECONDS": "0.5", "ESM_SERVER_BODY_QUIET_SECONDS": "0.5"})


@pytest.fixture(name="hasty", scope="module")
def _hasty(registry_of):
    """A server that lets bodies be quiet, but not take long."""
    return registry_of({"ESM_SERVER_BODY_QUIET_SECONDS": "3600", "ESM_SERVER_BODY_SECONDS": "1"})


@pytest.mark.parametrize(
    "beginning",
    [b"", b"GET /v1 HTTP/1.1\r\nHost: x\r\nX: ", b"PRI * HT", request("GET", "/health/live", None)],
    ids=["silence", "half a head", "half a preface of HTTP/2", "idle after a request"],
)
def test_who_sends_no_head_is_not_waited_for(impatient, beginning):
    with held(impatient.url, *[beginning] * 3) as connections:
        for one in connections:
            answer = until_closed(one)
            assert answer == b"" or status(answer) in (200, 408)


BODIES = {
    "ranking": ("POST", "/v1/rankings"),
    "namespace": ("POST", "/v1/namespaces"),
    "version": ("POST", "/v1/esms/slow/a/versions"),
    "similar": ("POST", "/v1/similar"),
    "token": ("POST", "/v1/tokens"),
    "upload": ("PUT", f"/v1/namespaces/slow/blobs/{DIGEST}"),
    "pack": ("POST", "/v1/namespaces/slow/packs"),
}


@pytest.mark.parametrize("name", BODIES)
def test_a_quiet_body_is_not_waited_for(impatient, name):
    method, path = BODIES[name]
    data = half_body(impatient.admin_token, method=method, path=path)
    with held(impatient.url, data) as (connection,):
        assert_too_slow(until_closed(connection))


@pytest.mark.parametrize("name", BODIES)
def test_a_body_that_drips_is_not_waited_for(hasty, name):
    method, path = BODIES[name]
    with held(hasty.url, half_body(hasty.admin_token, method=method, path=path)) as (connection,):
        assert_too_slow(drip(connection, b" "))


@pytest.mark.parametrize("name", ["ranking", "namespace", "upload"])
def test_chunks_without_end_are_not_waited_for(hasty, name):
    method, path = BODIES[name]
    data = request(method, path, hasty.admin_token, "Transfer-Encoding: chunked")
    with held(hasty.url, data) as (connection,):
        assert_too_slow(drip(connection, b"1\r\n \r\n"))


def drip(connection, data):
    """What comes back while one bit of a body is sent after the other."""
    ended = threading.Event()

    def send():
        while not ended.wait(0.05):
            try:
                connection.sendall(data)
            except OSError:
                return

    sender = threading.Thread(target=send)
    sender.start()
    try:
        return until_closed(connection)
    finally:
        ended.set()
        sender.join()


def assert_too_slow(answer):
    head, _, body = answer.partition(b"\r\n\r\n")
    assert status(answer) == 408
    assert b"connection: close" in head.lower()
    problem = json.loads(body)
    assert (problem["code"], problem["status"]) == ("too-slow", 408)
    assert problem["request_id"].encode() in head


def test_large_bodies_that_stop_before_their_end_are_few(patient, unique):
    """Each would lie in memory for as long as it drips; of one user, half of what all may hold."""
    path = f"/v1/esms/{unique}/a/versions"
    data = short_version(patient.write_token, path)
    room = HELD_BODY_BYTES // 2 // (MAX_VERSION_JSON_BYTES - 1000)
    with held(patient.url, *[data] * (room + 1)) as attack:
        until(lambda: not all(map(is_waiting, attack)))
        (refused,) = [until_closed(one) for one in attack if not is_waiting(one)]
        assert status(refused) == 429
        assert b"Requests of yours hold bodies of" in refused
        with patient.client(patient.admin_token) as client:
            assert client.post("/v1/namespaces", json={"name": unique}).status_code == 201
        assert sum(map(is_waiting, attack)) == room
    with patient.client(patient.write_token) as client:  # they are let go with their connections
        until(lambda: client.post(path, content=bytes(300_000)).status_code == 400)


def test_an_upload_that_stops_is_on_the_disk(patient):
    data = short_upload(patient.write_token, BODIES["upload"][1])
    with held(patient.url, data):
        until(lambda: max(part_sizes(patient), default=0) > 2**20 - 2**17 - 2**14)


def part_sizes(running):
    """Of the uploads that are on their way."""
    for path in running.data_dir.rglob("*.tmp"):
        with suppress(FileNotFoundError):
            yield path.stat().st_size


@pytest.mark.parametrize("name", ["ranking", "upload", "pack"])
def test_a_body_in_crumbs_is_refused(registry, name):
    """Each of a few bytes costs the server as much as thousands together."""
    method, path = BODIES[name]
    data = request(
        method, path, registry.admin_token, "Transfer-Encoding: chunked", body=b"1\r\n \r\n" * 3000
    )
    with held(registry.url, data) as (connection,):
        answer = until_closed(connection)
    assert status(answer) == 400
    assert b"pieces of a few bytes" in answer


def test_an_upload_that_can_go_on_is_told_what_clients_of_every_version_go_on_from(impatient):
    data = half_body(
        impatient.write_token, "Content-Range: bytes 0-999/1000",
        method="PUT", path=BODIES["upload"][1],
    )  # fmt: skip
    with held(impatient.url, data) as (connection,):
        answer = until_closed(connection)
    assert status(answer) == 400
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["code"] == "truncated-upload"
    with impatient.client(impatient.write_token) as client:
        assert client.head(BODIES["upload"][1]).headers["upload-offset"] == "1"


def test_a_body_that_nobody_reads_delays_its_answer_alone(impatient):
    with held(impatient.url, half_body(None, method="GET", path="/v1")) as (connection,):
        answer = until_closed(connection)
    assert status(answer) == 200
    assert b"connection: close" in answer.lower()


def test_a_body_in_pieces_is_taken(impatient, unique):
    body = json.dumps({"name": unique}).encode()
    data = request(
        "POST", "/v1/namespaces", impatient.admin_token, "Content-Type: application/json",
        f"Content-Length: {len(body)}", "Connection: close",
    )  # fmt: skip
    with held(impatient.url, data) as (connection,):
        for number in range(len(body)):
            connection.sendall(body[number : number + 1])
        assert status(until_closed(connection)) == 201
