"""Connections that are opened by the hundred, and sent what no HTTP library would send."""

import resource
import select
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from urllib.parse import urlsplit

from esm_client.core.limits import MAX_VERSION_JSON_BYTES

SECONDS = 120
"""For anything to come from a server, on a busy machine."""


def connect(
    url: str, receive_buffer: int | None = None, source: str | None = None
) -> socket.socket:
    """A connection to a server; with a small buffer, what is not read waits on its side.

    source: the address to come from, of this machine.
    """
    parts = urlsplit(url)
    connection = socket.socket(socket.AF_INET)
    if receive_buffer is not None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    if source is not None:
        connection.bind((source, 0))
    connection.settimeout(SECONDS)
    connection.connect((parts.hostname, parts.port))
    return connection


@contextmanager
def held(
    url: str, *requests: bytes, receive_buffer: int | None = None, source: str | None = None
) -> Iterator[list[socket.socket]]:
    """A connection for each of these requests, or beginnings of one, open while the block runs."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    with ExitStack() as stack:
        connections: list[socket.socket] = []
        for data in requests:
            connection = stack.enter_context(connect(url, receive_buffer, source))
            connection.sendall(data)
            connections.append(connection)
        yield connections


def is_waiting(connection: socket.socket) -> bool:
    """Whether the server has neither answered nor closed."""
    poll = select.poll()
    poll.register(connection, select.POLLIN)
    return not poll.poll(0)


def until_closed(connection: socket.socket) -> bytes:
    """What comes until the server closes, or resets, the connection."""
    received = bytearray()
    with suppress(ConnectionError):
        while part := connection.recv(65536):
            received += part
    return bytes(received)


def request(
    method: str, path: str, token: str | None, *headers: str, body: bytes = b"", host: str = "x"
) -> bytes:
    """One request as bytes, with just these headers beside host and token."""
    lines = [f"{method} {path} HTTP/1.1", f"Host: {host}"]
    if token is not None:
        lines.append(f"Authorization: Bearer {token}")
    return "\r\n".join([*lines, *headers, "", ""]).encode("latin-1") + body


def half_body(
    token: str | None, *headers: str, method: str = "POST", path: str = "/v1/rankings"
) -> bytes:
    """A request of whose body one byte in a thousand has come."""
    announced = ("Content-Type: application/json", "Content-Length: 1000")
    return request(method, path, token, *announced, *headers, body=b"{")


def short_version(token: str, path: str) -> bytes:
    """A push of the largest body there may be, of which all but the last thousand bytes came."""
    length = f"Content-Length: {MAX_VERSION_JSON_BYTES}"
    body = b" " * (MAX_VERSION_JSON_BYTES - 1000)
    return request("POST", path, token, "Content-Type: application/json", length, body=body)


def short_upload(token: str, path: str) -> bytes:
    """Half of an upload: a byte less than a megabyte."""
    half = 2**20 - 1
    return request("PUT", path, token, f"Content-Length: {2 * half}", body=bytes(half))


def status(answer: bytes) -> int:
    """The status of what came, which must be one whole head at least."""
    assert answer.startswith((b"HTTP/1.0 ", b"HTTP/1.1 ")), answer[:200]
    return int(answer[9:12])
