"""Every error has the one shape; `problem` asserts it."""

import re

import pytest

DEEP = "[" * 100_000 + "]" * 100_000


@pytest.mark.parametrize(
    ("method", "path", "content", "status", "code"),
    [
        ("GET", "/nothing-here", None, 404, "not-found"),
        ("GET", "/v1/nothing-here", None, 404, "not-found"),
        ("DELETE", "/v1", None, 405, "method-not-allowed"),
        ("PATCH", "/v1/rankings", None, 405, "method-not-allowed"),
        ("GET", "/v1/esms?limit=0", None, 400, "invalid-input"),
        ("GET", "/v1/esms?limit=201", None, 400, "invalid-input"),
        ("GET", "/v1/esms?limit=x", None, 400, "invalid-input"),
        ("GET", "/v1/esms?after=no-slash", None, 400, "invalid-input"),
        ("GET", "/v1/esms?space=no-such-space", None, 404, "not-found"),
        ("GET", "/v1/esms/UPPER/x", None, 400, "invalid-name"),
        ("GET", "/v1/esms/%00/x", None, 400, "invalid-name"),
        ("GET", "/v1/esms/a/b", None, 404, "not-found"),
        ("GET", "/v1/esms/a/b/versions", None, 404, "not-found"),
        ("GET", "/v1/esms/a/b/versions/0", None, 400, "invalid-name"),
        ("GET", "/v1/esms/a/b/versions/First", None, 400, "invalid-name"),
        ("GET", "/v1/esms/a/b/versions/latest", None, 404, "not-found"),
        ("GET", "/v1/spaces/no-such-space", None, 404, "not-found"),
        ("GET", "/v1/rankings/no-such-ranking", None, 404, "not-found"),
        ("PUT", "/v1/namespaces/blob-tests/blobs/md5:abc", b"x", 400, "invalid-name"),
        ("POST", "/v1/esms/a/b/versions", b"", 400, "invalid-input"),
        ("POST", "/v1/esms/a/b/versions", b"{", 400, "invalid-input"),
        ("POST", "/v1/esms/a/b/versions", b"null", 400, "invalid-input"),
        ("POST", "/v1/esms/a/b/versions", b'{"manifest": {"files": {}}}', 400, "invalid-input"),
        ("POST", "/v1/esms/a/b/versions", b'{"surprise": 1}', 400, "invalid-input"),
        ("POST", "/v1/esms/a/b/versions", DEEP.encode(), 400, "invalid-input"),
        ("POST", "/v1/esms/a/b/versions", b" " * (4 * 2**20 + 1), 413, "too-large"),
        ("POST", "/v1/rankings", b"[]", 400, "invalid-input"),
        ("POST", "/v1/rankings", b'{"space": "\xff"}', 400, "invalid-input"),
        ("POST", "/v1/rankings", b'{"space": "none", "sketch": "AAAA"}', 404, "not-found"),
    ],
)
def test_error_shape(registry, problem, method, path, content, status, code):
    with registry.client(registry.write_token) as client:
        headers = {"Content-Type": "application/json"}
        response = client.request(method, path, content=content, headers=headers)
    problem(response, status, code)


@pytest.mark.parametrize("sketch", ["!", "AAAA"])
def test_a_sketch_that_is_none(registry, problem, push, esm_directory, unique, sketch):
    push(esm_directory(unique), f"{unique}/a", space=unique).raise_for_status()
    with registry.client(registry.read_token) as client:
        answer = client.post("/v1/rankings", json={"space": unique, "sketch": sketch})
    problem(answer, 400, "invalid-sketch")


def test_unknown_fields_are_named(registry, problem):
    with registry.client(registry.read_token) as client:
        body = {"space": "a", "sketch": "AAAA", "colour": "red"}
        shown = problem(client.post("/v1/rankings", json=body), 400, "invalid-input")
    assert "colour" in shown["detail"]


def test_a_fault_shows_no_internals(start_registry, problem):
    """The table is gone: nothing the server expects."""
    running = start_registry()
    running.query("ALTER TABLE esm_versions RENAME TO elsewhere")
    with running.client(running.read_token) as client:
        response = client.get("/v1/esms")
    shown = problem(response, response.status_code, response.json()["code"])
    assert shown["status"] in (500, 503)
    assert "esm_versions" not in response.text
    assert "Traceback" not in response.text
    assert shown["request_id"] in running.log
    assert re.search("no such table|does not exist", running.log)
