"""Attacks by connections, each many times over, in one round (see slow_connections.py)."""

import json
import time
from collections import Counter
from contextlib import ExitStack

from support.held import half_body, held, request, short_upload, short_version
from support.registry import RunningRegistry

ROUNDS = 360
"""Of an hour, with one every ten seconds."""
HOLD_SECONDS = 1.0
JSON = "Content-Type: application/json"
WRONG = json.dumps({"space": "a", "sketch": "AAAA", "tags": [0] * 20_000}).encode()


def without_token() -> dict[str, list[bytes]]:
    """What anybody can send, and on how many connections at a time."""
    return {
        "half bodies of unknown tokens": [half_body(f"esmr_{n}") for n in range(50)],
        "half bodies without a token": [half_body(None)] * 50,
        "half heads": [b"GET /v1 HTTP/1.1\r\nHost: x\r\nX: "] * 50,
        "silence": [b""] * 50,
        "half prefaces": [b"PRI * HTTP/2"] * 20,
        "idle after a request": [request("GET", "/health/live", None)] * 50,
        "unread documents": [request("GET", "/openapi.json", None)] * 20,
        "no host, two hosts, other spellings, no HTTP": [
            b"GET /v1 HTTP/1.1\r\n\r\n",
            b"GET /v1 HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n",
            request("GET", "//metrics", None),
            b"\0" * 100,
        ]
        * 5,
    }


def with_token(number: int, token: str, file: str) -> dict[str, list[bytes]]:
    """What a user can send, in a round of this number."""
    space = f"attack-{number}"
    blob = f"/v1/namespaces/{space}/blobs/sha256:{number:064x}"
    part, length = bytes(4096), "Content-Length: 8192"
    ranged = "Content-Range: bytes 0-8191/8192"
    chunk = b"1000\r\n" + part + b"\r\n"
    chunked, wrong = "Transfer-Encoding: chunked", f"Content-Length: {len(WRONG)}"
    return {
        "half bodies of a token": [half_body(token)] * 100,
        "chunks without end": [request("POST", "/v1/rankings", token, chunked, body=chunk)] * 20,
        "half uploads": [request("PUT", blob, token, length, body=part)] * 20,
        "uploads of a megabyte that stop": [short_upload(token, blob)] * 20,
        "large pushes without an end": [short_version(token, f"/v1/esms/{space}/a/versions")] * 20,
        "half resumable uploads": [request("PUT", blob, token, length, ranged, body=part)] * 5,
        "unread downloads": [request("GET", file, token)] * 30,
        "unread lists": [request("GET", "/v1/esms?limit=200", token)] * 20,
        "event streams": [
            request("GET", f"/v1/rankings/{n:032x}/events", token) for n in range(20)
        ],
        "forged addresses": [
            request("GET", "/v1/whoami", token, f"X-Forwarded-For: 192.0.2.{n}") for n in range(50)
        ],
        "wrong items": [request("POST", "/v1/rankings", token, JSON, wrong, body=WRONG)] * 5,
    }


def attack_once(
    server: RunningRegistry, tokens: list[str], many: list[str], file: str, number: int,
    tried: Counter[str],
) -> None:  # fmt: skip
    """One round: all of them at a time, each with the token of another user, then cut off."""
    kinds = {**without_token(), "half bodies of many tokens": [half_body(one) for one in many]}
    for turn, name in enumerate(with_token(0, "", file)):
        token = tokens[(number + turn) % len(tokens)]
        kinds[name] = with_token(number, token, file)[name]
    with ExitStack() as stack:
        for name, requests in kinds.items():
            stack.enter_context(held(server.url, *requests, receive_buffer=4096))
            tried[name] += len(requests)
        time.sleep(HOLD_SECONDS)
