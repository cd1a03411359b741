"""Bad requests to a real server: one clear 4xx problem or a closed connection, and it goes on.

ESM_FUZZ_CONNECTIONS: how many slow connections to hold.
"""

import base64
import gzip
import json
import os
from pathlib import Path

import httpx
import numpy as np
import pytest
from fuzz.connections import connect, exchange, request, statuses
from support.registry import RunningRegistry

JSON = {"Content-Type": "application/json"}
SLOW_CONNECTIONS = int(os.environ.get("ESM_FUZZ_CONNECTIONS", "100"))


pytestmark = pytest.mark.xdist_group("serial")  # it measures the memory of its server


@pytest.fixture(name="registry", scope="module")
def _registry(tmp_path_factory):
    """A server of its own, which is still there, and no larger, after all of this."""
    running = RunningRegistry(tmp_path_factory.mktemp("bad-requests"))
    before = memory(running)
    yield running
    assert running.is_running
    with running.client(running.read_token) as client:
        assert client.get("/v1/whoami").status_code == 200
    assert memory(running) - before < 300 * 2**20
    assert " 500 " not in running.log
    running.kill()


@pytest.fixture(autouse=True)
def _still_answers(registry):
    yield
    with registry.client() as client:
        assert client.get("/health/live").status_code == 200


def memory(running: RunningRegistry) -> int:
    """Resident bytes of the server's own process."""
    lines = Path(f"/proc/{running.pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmRSS"))


PATHS = [
    "/v1/esms/{}/x", "/v1/esms/a/{}", "/v1/esms/a/b/versions/{}", "/v1/spaces/{}",
    "/v1/esms/a/b/versions/latest/files/{}", "/v1/namespaces/{}", "/v1/rankings/{}",
    "/v1/esms/a/b/versions/1/source-model/files/{}", "/v1/namespaces/a/blobs/{}",
    "/v1/esms/a/b/aliases/{}/moves", "/v1/spaces/{}/pack", "/v1/namespaces/a/members/{}",
]  # fmt: skip
TRAVERSALS = [
    "..", "../../../etc/passwd", "..%2f..%2fetc%2fpasswd", "%2e%2e%2f%2e%2e%2fetc%2fpasswd",
    "%252e%252e%252fetc%252fpasswd", "..%5c..%5cetc%5cpasswd", "%2e%2e", "%00", "a%00.json",
    "%c0%ae%c0%ae%c0%af", "%ef%bc%8e%ef%bc%8e%ef%bc%8f", "%e2%80%ae", "%ff%fe", "%ed%a0%80",
    "....//....//etc/passwd", "/etc/passwd", "%2fetc%2fpasswd", "sha256:..%2f..", "%0d%0aX-A:%20b",
    "a" * 5000, "*", "'%20OR%201=1--", "%", "%zz", "file:%2f%2f%2fetc%2fpasswd", ".", "%20",
]  # fmt: skip


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH"])
def test_no_path_leads_out(registry, path, method):
    for value in TRAVERSALS:
        data = request(method, path.format(value), registry.admin_token, "Content-Length: 0",
                       "Connection: close")  # fmt: skip
        answer = exchange(registry.url, data)
        assert b"root:" not in answer
        found = statuses(answer)
        assert len(found) == 1, (value, answer[:300])
        listing = path.format("").rstrip("/") in ("/v1/spaces", "/v1/namespaces")
        assert 400 <= found[0] < 500 or (listing and found[0] == 200), (value, answer[:500])


TOKENLESS = "esmr_none"
PROTOCOL = {
    "no request": b"\0" * 100,
    "another protocol": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(200),
    "HTTP/2 preface": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(9),
    "version lie": b"GET /v1 HTTP/9.9\r\nHost: x\r\n\r\n",
    "64 KiB header": request("GET", "/v1", TOKENLESS, "X: " + "a" * 2**16),
    "thousand headers": request("GET", "/v1", TOKENLESS, *(f"X-{i}: a" for i in range(1000))),
    "64 KiB path": request("GET", "/v1/" + "a" * 2**16, TOKENLESS),
    "folded header": request("GET", "/v1", TOKENLESS, "X: a\r\n b"),
    "space before colon": request("GET", "/v1", TOKENLESS, "X : a"),
    "NUL in header": request("GET", "/v1", TOKENLESS, "X: a\0b"),
    "both lengths": request("POST", "/v1/rankings", TOKENLESS, "Content-Length: 4",
                            "Transfer-Encoding: chunked",
                            body=b"0\r\n\r\nGET /v1 HTTP/1.1\r\n\r\n"),
    "two lengths": request("POST", "/v1/rankings", TOKENLESS, "Content-Length: 4",
                           "Content-Length: 5", body=b"abcde"),
    "negative length": request("POST", "/v1/rankings", TOKENLESS, "Content-Length: -1"),
    "huge length": request("POST", "/v1/rankings", TOKENLESS, "Content-Length: " + "9" * 30),
    "signed length": request("POST", "/v1/rankings", TOKENLESS, "Content-Length: +4", body=b"abcd"),
    "bad chunk size": request("POST", "/v1/rankings", TOKENLESS, "Transfer-Encoding: chunked",
                              body=b"zz\r\nab\r\n0\r\n\r\n"),
    "huge chunk size": request("POST", "/v1/rankings", TOKENLESS, "Transfer-Encoding: chunked",
                               body=b"f" * 17 + b"\r\nab\r\n0\r\n\r\n"),
    "obscure coding": request("POST", "/v1/rankings", TOKENLESS, "Transfer-Encoding: xchunked",
                              body=b"0\r\n\r\n"),
}  # fmt: skip


@pytest.mark.parametrize("name", PROTOCOL)
def test_broken_http(registry, name):
    """No answer but 4xx, and never a second answer to what hid in the first request."""
    found = statuses(exchange(registry.url, PROTOCOL[name]))
    assert len(found) <= 1
    harmless = {"version lie", "folded header", "HTTP/2 preface"}
    assert all(400 <= status < 500 or (status < 300 and name in harmless) for status in found)


@pytest.mark.parametrize("method", ["TRACE", "CONNECT", "PROPFIND", "FOO", "get", "OPTIONS"])
def test_odd_methods(registry, method):
    found = statuses(exchange(registry.url, request(method, "/v1/whoami", TOKENLESS)))
    assert all(status in (204, 400, 401, 404, 405, 501) for status in found), found


@pytest.mark.parametrize("host", ["evil.example", "a" * 5000, "", "x\ty", "[::1", "x:99999"])
def test_the_host_header_is_never_echoed(registry, host):
    data = f"GET /nothing HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode()
    answer = exchange(registry.url, data)
    assert b"evil.example" not in answer
    assert set(statuses(answer)) <= {400, 404}


BODIES = {
    "not UTF-8": b'{"space": "\xff\xfe"}',
    "UTF-16": '{"space": "a"}'.encode("utf-16"),
    "lone surrogate": b'{"space": "\\ud800", "sketch": "AAAA"}',
    "surrogate key": b'{"\\ud800": 1}',
    "NUL": b'{"space": "a\\u0000b", "sketch": "AAAA"}',
    "deep list": b"[" * 10**6,
    "deep object": b'{"a":' * 10**5 + b"1" + b"}" * 10**5,
    "deep value": b'{"space": "a", "sketch": ' + b"[" * 10**5 + b"]" * 10**5 + b"}",
    "huge number": b'{"space": "a", "sketch": "AAAA", "limit": ' + b"9" * 10**6 + b"}",
    "NaN": b'{"space": "a", "sketch": "AAAA", "wait": NaN}',
    "infinite": b'{"space": "a", "sketch": "AAAA", "wait": 1e999}',
    "long key": b'{"' + b"k" * 10**6 + b'": 1}',
    "many keys": json.dumps({str(number): 0 for number in range(10**5)}).encode(),
    "twice": b'{"space": "a", "space": "b", "sketch": "AAAA"}',
    "BOM": b'\xef\xbb\xbf{"space": "a"}',
    "gzip": gzip.compress(b" " * 10**8),
    "empty": b"",
}


@pytest.mark.parametrize("name", BODIES)
@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "/v1/rankings"), ("POST", "/v1/namespaces"), ("POST", "/v1/esms/a/b/versions"),
     ("POST", "/v1/tokens"), ("POST", "/v1/similar"), ("PATCH", "/v1/esms/a/b")],
)  # fmt: skip
def test_bodies(registry, problem, name, method, path):
    """A compressed body is not unpacked: it is no JSON."""
    headers = JSON | ({"Content-Encoding": "gzip"} if name == "gzip" else {})
    with registry.client(registry.admin_token) as client:
        response = client.request(method, path, content=BODIES[name], headers=headers)
    assert response.status_code in (400, 404, 413), response.text
    shown = problem(response, response.status_code, response.json()["code"])
    assert len(shown["detail"]) < 2000


@pytest.mark.parametrize(
    "value",
    ["bytes=" + "0-1," * 5000, "bytes=0-" + "9" * 3000, "bytes=-0", "bytes=9-1", "bytes=--1", "x"],
)
def test_ranges(registry, esm_directory, push, unique, value):
    push(esm_directory(unique), f"{unique}/ranged", server=registry, space=unique)
    path = f"/v1/esms/{unique}/ranged/versions/latest/files/model.safetensors"
    with registry.client(registry.read_token) as client:
        response = client.get(path, headers={"Range": value})
        whole = client.get(path).content
    assert response.status_code in (200, 416)
    assert len(response.content) <= max(len(whole), 1000)


def test_a_body_without_end_is_cut_off(registry):
    """Chunks for ever: the server counts, and answers or closes after its limit."""

    def chunks():
        for _ in range(1000):
            yield b" " * 2**20

    before = memory(registry)
    with registry.client(registry.write_token) as client:
        for path in ("/v1/namespaces", "/v1/rankings"):
            try:
                response = client.post(path, content=chunks(), headers=JSON)
                assert response.status_code == 413
            except httpx.TransportError:
                pass  # closed while we were sending
    assert memory(registry) - before < 300 * 2**20


def test_a_length_that_lies(registry):
    """More announced than sent: no blob is left, and no thread is held."""
    path = "/v1/namespaces/liar/blobs/sha256:" + "0" * 64
    for announced in (10, 10**6, 2**62):
        data = request("PUT", path, registry.write_token, f"Content-Length: {announced}", body=b"a")
        assert all(400 <= status < 500 for status in statuses(exchange(registry.url, data)))


def test_slow_connections_do_not_keep_others_out(registry):
    """Heads and bodies that never end, on many connections, while others are answered."""
    head = b"GET /v1 HTTP/1.1\r\nHost: x\r\nX: "
    body = request("POST", "/v1/rankings", registry.read_token, "Content-Length: 1000", body=b"{")
    upload = request("PUT", "/v1/namespaces/slow/blobs/sha256:" + "0" * 64, registry.write_token,
                     "Content-Length: 1000", body=b"a")  # fmt: skip
    before, held = memory(registry), []
    try:
        for number in range(SLOW_CONNECTIONS):
            connection = connect(registry.url)
            connection.sendall((head, body, upload)[number % 3])
            held.append(connection)
        with registry.client(registry.admin_token) as client:
            for _ in range(5):
                assert client.get("/v1/whoami").status_code == 200
        grown = memory(registry) - before
        print(f"{len(held)} slow connections held, {grown / len(held) / 1024:.0f} KiB each")
        assert grown < 50 * 2**20 + SLOW_CONNECTIONS * 2**18
    finally:
        for connection in held:
            connection.close()


def test_small_files_that_describe_large_maps(registry, esm_directory, push, unique):
    """A map of 8 192 dimensions in 50 KB is judged without writing all of its numbers out."""
    from esm_client.core.artifact.config import EsmConfig
    from esm_client.core.maps.low_rank import LowRankMap
    from esm_client.core.maps.storage import dump_map

    directory, dimension = esm_directory(unique, with_canaries=False, with_space=False), 8192
    column = np.full((dimension, 1), 0.01, np.float16)
    ones = np.ones(1, np.float16)
    (directory / "model.safetensors").write_bytes(
        dump_map(LowRankMap(ones, column, column, column[:, 0]))
    )
    config = EsmConfig.from_json((directory / "config.json").read_bytes())
    changed = config.model_copy(update={"architecture": "low-rank", "dimension": dimension})
    (directory / "config.json").write_bytes(changed.to_json())
    before = memory(registry)
    response = push(directory, f"{unique}/wide", server=registry)
    assert response.status_code < 500
    assert memory(registry) - before < 200 * 2**20


def test_oversized(registry, problem):
    """Limits that have not been tested elsewhere answer with their own error."""
    with registry.client(registry.admin_token) as client:
        body = {"name": "a" * 97}
        problem(client.post("/v1/namespaces", json=body), 400, "invalid-input")
        problem(client.get("/v1/esms?limit=201"), 400, "invalid-input")
        sketch = base64.b64encode(bytes(65 * 2**20)).decode()
        response = client.post("/v1/rankings", json={"space": "a", "sketch": sketch})
        assert response.status_code in (400, 413)
    data = request("PUT", f"/v1/namespaces/a/blobs/sha256:{'0' * 64}", registry.admin_token,
                   f"Content-Length: {2**40}", "Connection: close")  # fmt: skip
    assert statuses(exchange(registry.url, data)) in ([413], [])
