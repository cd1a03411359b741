"""Requests that no HTTP library would send, over a plain socket."""

import contextlib
import socket
from urllib.parse import urlsplit

SECONDS = 20.0
SILENCE_SECONDS = 2.0
"""After which nothing more is awaited."""


def connect(url: str) -> socket.socket:
    """A connection to a server."""
    parts = urlsplit(url)
    return socket.create_connection((parts.hostname, parts.port), timeout=SECONDS)


def exchange(url: str, data: bytes, *, most: int = 2**20) -> bytes:
    """What comes back for these bytes until the server closes or falls silent; b"" for a reset."""
    with connect(url) as connection:
        with contextlib.suppress(OSError):  # it may close while we are still sending
            connection.sendall(data)
        connection.settimeout(SILENCE_SECONDS)
        answer = b""
        with contextlib.suppress(OSError):
            while len(answer) < most and (part := connection.recv(65536)):
                answer += part
        return answer


def statuses(answer: bytes) -> list[int]:
    """Of all responses in what came back."""
    lines = [line for line in answer.split(b"\r\n") if line.startswith(b"HTTP/1.")]
    return [int(line.split()[1]) for line in lines]


def request(method: str, path: str, token: str, *headers: str, body: bytes = b"") -> bytes:
    """One request as bytes, with just these headers beside host and token."""
    lines = [f"{method} {path} HTTP/1.1", "Host: x", f"Authorization: Bearer {token}", *headers]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body
