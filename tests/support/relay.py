"""A real HTTP server between client and registry: it records, and spoils what a rule says."""

import http.client
import threading
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit


@dataclass(frozen=True)
class Answer:
    """cut: close the connection after so many bytes of the body."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    cut: int | None = None

    def with_body(self, body: bytes) -> "Answer":
        return replace(self, body=body, headers=self.headers | {"content-length": str(len(body))})


@dataclass(frozen=True)
class Asked:
    method: str
    path: str
    headers: dict[str, str]
    body: bytes


Rule = Callable[[Asked, Callable[[], Answer]], Answer | None]
"""What to answer to a request; None closes the connection without a word."""


class Relay:
    """Forwards to `target` unless `rule` says otherwise."""

    def __init__(self, target: str | None) -> None:
        self.requests: list[Asked] = []
        self.rule: Rule = lambda asked, forward: forward()
        self.keep_host = False
        """Whether the target is told the relay's own host, which signatures cover."""
        self._target = urlsplit(target) if target else None
        relay = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_any(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                headers = {key.lower(): value for key, value in self.headers.items()}
                asked = Asked(self.command, self.path, headers, self.rfile.read(length))
                relay.requests.append(asked)
                answer = relay.rule(asked, lambda: relay.forward(asked))
                if answer is None:
                    self.close_connection = True
                    return
                self.send_response(answer.status)
                headers = {"content-length": str(len(answer.body))} | answer.headers
                for key, value in headers.items():
                    self.send_header(key, value)
                self.end_headers()
                if asked.method != "HEAD":
                    self.wfile.write(answer.body[: answer.cut])
                if answer.cut is not None:
                    self.close_connection = True

            do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = handle_any  # noqa: N815

            def log_message(self, *arguments: object) -> None:
                """Nothing to the test's output."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def forward(self, asked: Asked) -> Answer:
        """What the registry answers."""
        assert self._target is not None
        kept = {
            key: value for key, value in asked.headers.items() if key != "host" or self.keep_host
        }
        connection = http.client.HTTPConnection(self._target.hostname, self._target.port)
        with closing(connection):
            connection.request(asked.method, asked.path, asked.body or None, kept)
            response = connection.getresponse()
            body = response.read()
        headers = {
            key.lower(): value
            for key, value in response.getheaders()
            if key.lower() not in ("transfer-encoding", "connection", "date", "server")
        }
        return Answer(response.status, body, headers)

    def paths(self, method: str = "GET") -> list[str]:
        """The paths that were asked with `method`."""
        return [asked.path for asked in self.requests if asked.method == method]

    def close(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()
