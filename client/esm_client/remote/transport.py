"""HTTP: the only file that knows httpx and its errors."""

import warnings
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from time import sleep
from typing import Literal, TypeVar
from uuid import uuid4

import httpx
from pydantic import BaseModel

from esm_client import __version__
from esm_client.core.compatibility import misfit
from esm_client.core.disk import disk_errors
from esm_client.core.errors import EsmError, OfflineMiss, TruncatedUpload
from esm_client.core.schemas import Page
from esm_client.remote.answers import Model, error_of, not_our_server, parse_answer
from esm_client.remote.connection import open_http
from esm_client.remote.file_chunks import Progress, file_chunks
from esm_client.remote.phases import connection_failed, is_permanent
from esm_client.remote.retries import RETRIED_STATUSES, did_nothing, pause_before
from esm_client.remote.settings import Settings

Params = Mapping[str, str | int | Sequence[str]]
Item = TypeVar("Item", bound=BaseModel)


class VersionWarning(UserWarning):
    """Client and server have versions that do not fit."""


@dataclass(frozen=True)
class Download:
    """A running download: the offset its first byte has in the file, and the bytes."""

    start: int
    chunks: Iterator[bytes]


class Transport:
    """One connection pool to one registry. All errors it raises are EsmErrors."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._http = open_http(settings)

    @property
    def url(self) -> str:
        """The registry's address."""
        return self._settings.url

    def close(self) -> None:
        """Close all connections."""
        self._http.close()

    def get(self, path: str, model: type[Model], params: Params | None = None) -> Model:
        """GET a JSON document."""
        with self._answer("GET", path, params=params) as response:
            return parse_answer(model, self._body(response), self._shown(path))

    def pages(self, path: str, item: type[Item], params: Params | None = None) -> Iterator[Item]:
        """All items of a list; its pages are fetched as they are needed."""
        page = self.get(path, Page[item], params)
        yield from page.items
        while page.next is not None:
            page = self.get(path, Page[item], {**(params or {}), "after": page.next})
            yield from page.items

    def post(
        self,
        path: str,
        body: BaseModel,
        model: type[Model],
        *,
        idempotent: bool,
        timeout: float | None = None,
    ) -> Model:
        """POST a JSON document. `timeout`: seconds to wait for the answer, if more than usual."""
        with self._answer(
            "POST", path, content=body.model_dump_json().encode(), idempotent=idempotent,
            headers={"Content-Type": "application/json"}, timeout=timeout,
        ) as response:  # fmt: skip
            return parse_answer(model, self._body(response), self._shown(path))

    def either(
        self, method: Literal["GET", "POST"], path: str, models: Mapping[int, type[Model]],
        body: BaseModel | None = None, *, timeout: float | None = None,
    ) -> Model:  # fmt: skip
        """GET, or POST once, what the status says which document it is."""
        content = b"" if body is None else body.model_dump_json().encode()
        headers = {"Content-Type": "application/json"} if body is not None else {}
        with self._answer(
            method, path, content=content, idempotent=method == "GET", headers=headers,
            timeout=timeout,
        ) as response:  # fmt: skip
            model = models.get(response.status_code)
            if model is None:
                raise not_our_server(self._shown(path), f"status {response.status_code}")
            return parse_answer(model, self._body(response), self._shown(path))

    def post_stream(
        self, path: str, content: Callable[[], Iterator[bytes]], size: int, model: type[Model],
        timeout: float,
    ) -> Model:  # fmt: skip
        """POST bytes made while they are sent; sent again when the connection breaks."""
        headers = {"Content-Type": "application/octet-stream", "Content-Length": str(size)}
        with self._answer(
            "POST", path, content=content, headers=headers, timeout=timeout
        ) as response:
            return parse_answer(model, self._body(response), self._shown(path))

    def events(self, path: str, model: type[Model], timeout: float) -> Iterator[Model]:
        """GET server-sent events, each a JSON document, as they come; raises ConnectionFailed."""
        headers = {"Accept": "text/event-stream"}
        with self._answer("GET", path, headers=headers, timeout=timeout) as response:
            pending = b""
            for chunk in self._stream(response):
                *lines, pending = (pending + chunk).split(b"\n")
                for line in lines:
                    if line.startswith(b"data:"):
                        yield parse_answer(model, line[5:], self._shown(path))

    def change(
        self, method: Literal["PUT", "PATCH", "DELETE"], path: str, model: type[Model],
        body: BaseModel | None = None,
    ) -> Model:  # fmt: skip
        """Change one thing; of the body only the fields that were set travel."""
        content = b"" if body is None else body.model_dump_json(exclude_unset=True).encode()
        headers = {"Content-Type": "application/json"} if body is not None else {}
        with self._answer(method, path, content=content, headers=headers) as response:
            return parse_answer(model, self._body(response), self._shown(path))

    def act(self, path: str, model: type[Model]) -> Model:
        """POST without a body: a deed that must not be done twice."""
        with self._answer("POST", path, content=b"", idempotent=False) as response:
            return parse_answer(model, self._body(response), self._shown(path))

    def delete(self, path: str) -> None:
        """DELETE one thing; raises NotFound."""
        with self._answer("DELETE", path, idempotent=False):
            return

    def put_file(
        self, path: str, file: Path, offset: int | None = None, progress: Progress | None = None
    ) -> None:
        """PUT a file's bytes, streamed; from `offset` on where the upload is resumable.

        A resumable upload is not repeated here: where it stopped, only `uploaded` knows.
        """
        with disk_errors(file, "Check that the file is still there."):
            size = file.stat().st_size
        start = offset or 0
        headers = {"Content-Type": "application/octet-stream", "Content-Length": str(size - start)}
        if offset is not None:
            headers["Content-Range"] = f"bytes {start}-{size - 1}/{size}"
        try:
            with self._answer(
                "PUT", path, content=lambda: file_chunks(file, start, progress), headers=headers,
                idempotent=offset is None,
            ):  # fmt: skip
                return
        except httpx.LocalProtocolError as cause:
            raise TruncatedUpload(
                f"{file} changed while it was sent.", "Push again when nothing writes to it."
            ) from cause

    def uploaded(self, path: str, size: int) -> int:
        """HEAD: how many bytes of a file of `size` the server has, from its beginning on."""
        with self._answer("HEAD", path, check=False) as response:
            if response.status_code == HTTPStatus.OK:
                return size if response.headers.get("Content-Length") == str(size) else 0
            kept = response.headers.get("Upload-Offset", "0")
            return min(int(kept), size) if kept.isascii() and kept.isdigit() else 0

    def exists(self, path: str, size: int) -> bool:
        """HEAD; False for whatever is not a plain yes, as a HEAD carries no reason."""
        with self._answer("HEAD", path, check=False) as response:
            found = response.headers.get("Content-Length")
            return response.status_code == HTTPStatus.OK and found == str(size)

    @contextmanager
    def download(self, path: str, start: int = 0) -> Generator[Download]:
        """GET bytes from offset `start` on; a server without ranges starts at zero."""
        headers = {"Accept": "application/octet-stream", "Accept-Encoding": "identity"}
        if start:
            headers["Range"] = f"bytes={start}-"
        with self._answer("GET", path, headers=headers) as response:
            partial = response.status_code == HTTPStatus.PARTIAL_CONTENT
            expected = f"bytes {start}-"
            if partial and not response.headers.get("Content-Range", "").startswith(expected):
                raise not_our_server(self._shown(path), "another byte range than was asked for")
            yield Download(start if partial else 0, self._stream(response))

    @contextmanager
    def _answer(
        self,
        method: str,
        path: str,
        *,
        params: Params | None = None,
        content: bytes | Callable[[], Iterator[bytes]] | None = None,
        headers: Mapping[str, str] | None = None,
        idempotent: bool = True,
        timeout: float | None = None,
        check: bool = True,
    ) -> Generator[httpx.Response]:
        if self._settings.offline:
            raise OfflineMiss(
                f"{method} {path} needs the registry, and this client is offline.",
                "Unset ESM_REGISTRY_OFFLINE or leave --offline out; cached versions can be "
                f"pulled from {self._settings.cache_dir}.",
            )

        # one name for all tries, also in the server's log
        named = {"X-Request-ID": uuid4().hex, **(headers or {})}

        def build() -> httpx.Request:
            body = content() if callable(content) else content  # fresh for every try
            request = self._http.build_request(
                method, f"{self.url}{path}", params=params, content=body, headers=named
            )
            if timeout is not None:
                request.extensions["timeout"]["read"] = max(timeout, self._settings.timeout)
            return request

        response = self._send(build, idempotent=idempotent)
        try:
            if check and not response.is_success:
                raise self._error(response, path)
            yield response
        finally:
            response.close()

    def _send(self, build: Callable[[], httpx.Request], *, idempotent: bool) -> httpx.Response:
        attempt, told = 0, None
        while True:
            attempt += 1
            try:
                response = self._http.send(build(), stream=True)
            except httpx.LocalProtocolError:
                raise
            except httpx.HTTPError as cause:
                # a request that was never sent may always be sent again
                again = idempotent or isinstance(cause, httpx.ConnectError)
                pause = pause_before(attempt, told) if again and not is_permanent(cause) else None
                if pause is None:
                    raise connection_failed(cause, self.url) from cause
            else:
                self._compare_versions(response.headers.get("X-ESM-Registry"))
                if response.status_code not in RETRIED_STATUSES:
                    return response
                if not idempotent and not did_nothing(response.status_code, response.headers):
                    return response
                told = response.headers.get("Retry-After")  # also while it starts anew
                pause = pause_before(attempt, told)
                if pause is None:
                    return response
                response.close()
            sleep(pause)

    def _compare_versions(self, server: str | None) -> None:
        problem = misfit(__version__, server) if server else None
        if problem is not None:
            warnings.warn(problem, VersionWarning, stacklevel=2)

    def _error(self, response: httpx.Response, path: str) -> EsmError:
        if response.is_redirect:
            target = response.headers.get("Location", "").split("?")[0]
            return not_our_server(self._shown(path), f"a redirect to {target[:200]!r}")
        content_type = response.headers.get("Content-Type", "").split(";")[0]
        body = self._body(response)
        error = error_of(response.status_code, content_type, body, self._shown(path))
        error.request_id = error.request_id or response.request.headers.get("X-Request-ID")
        return error

    def _body(self, response: httpx.Response) -> bytes:
        return b"".join(self._stream(response))

    def _stream(self, response: httpx.Response) -> Iterator[bytes]:
        try:
            # as they arrive: a chunk size would hold back, and lose, what came before a break
            yield from response.iter_bytes()
        except httpx.HTTPError as cause:
            raise connection_failed(cause, self.url) from cause

    def _shown(self, path: str) -> str:
        return f"{self.url}{path}"
