"""Heads that a proxy and the server could read in two ways."""

import json

import pytest
from support.held import held, request, status, until_closed


def answer_to(registry, data):
    with held(registry.url, data) as (connection,):
        return until_closed(connection)


def lines(*wanted, version="1.1", target="/v1"):
    head = [f"GET {target} HTTP/{version}", *wanted, "Connection: close", "", ""]
    return "\r\n".join(head).encode()


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (lines("Host: x"), 200),
        (lines(), 400),
        (lines("Host:"), 400),
        (lines("Host: x", "Host: x"), 400),
        (lines("Host: x", "Host: y"), 400),
        (lines("Host: x", "Host:"), 400),
        (lines("Host: x, y"), 400),
        (lines(version="1.0"), 200),
        (lines("Host: x", "Host: y", version="1.0"), 400),
        (lines("Host: x", target="http://x/v1"), 200),
    ],
)
def test_a_request_names_one_host(registry, data, expected):
    answer = answer_to(registry, data)
    assert status(answer) == expected, answer
    if expected == 400:
        assert json.loads(answer.partition(b"\r\n\r\n")[2])["code"] == "invalid-input"


@pytest.mark.parametrize(
    "path", ["/metrics/", "//metrics", "/metrics//", "/metrics%2F", "/%6detrics", "/%2Fmetrics"]
)
@pytest.mark.parametrize("forwarded", [(), ("X-Forwarded-For: 192.0.2.1",)])
def test_metrics_have_one_spelling(registry, path, forwarded):
    data = request("GET", path, registry.admin_token, "Connection: close", *forwarded)
    assert status(answer_to(registry, data)) == 404


@pytest.mark.parametrize(
    "header",
    ["X-Forwarded-For:", "X-Forwarded-For: ", "X-Forwarded-For: 127.0.0.1", "Forwarded:",
     "Forwarded: for=127.0.0.1", "Via: 1.1 proxy", "X-Real-IP: 127.0.0.1", "X-Forwarded-Proto:"],
)  # fmt: skip
def test_what_a_proxy_passes_on_is_not_from_this_machine(registry, header):
    data = request("GET", "/metrics", None, header, "Connection: close")
    assert status(answer_to(registry, data)) == 403
    data = request("GET", "/metrics", registry.read_token, header, "Connection: close")
    assert status(answer_to(registry, data)) == 200


def test_this_machine_needs_no_token(registry):
    assert status(answer_to(registry, request("GET", "/metrics", None, "Connection: close"))) == 200


def test_nobody_speaks_http_2(registry):
    """It has no deadline for heads, and a hundred requests on a connection."""
    preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
    settings = b"\0\0\0\4\0\0\0\0\0"
    answer = answer_to(registry, preface + settings)
    assert answer == b"" or answer.startswith(b"HTTP/1.1 4")


@pytest.mark.parametrize("path", ["/v1/esms/", "/", "/v1/rankings/", "/%61"])
def test_a_path_has_a_length(registry, path):
    """Were remembered, as long as heads may be, before anybody asked for a token."""
    answer = answer_to(registry, lines("Host: x", target=path + "a" * 1000))
    assert status(answer) == 400
    assert "characters" in json.loads(answer.partition(b"\r\n\r\n")[2])["detail"]
    assert status(answer_to(registry, lines("Host: x", target="/v1/" + "a" * 996))) == 404
