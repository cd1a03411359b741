"""Sending and fetching files: over the registry, or straight to and from its object store."""

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path

import httpx

from esm_client.core.disk import disk_errors
from esm_client.core.errors import TruncatedUpload
from esm_client.core.schemas.uploads import FOLLOW_HEADER, DirectUpload, DirectUploadCreate
from esm_client.remote.config.settings import Settings
from esm_client.remote.files.chunks import OnBytes, file_chunks
from esm_client.remote.files.store_route import StoreRoute
from esm_client.remote.http.answers import not_our_server, parse_answer
from esm_client.remote.http.exchange import Exchange

DIRECT_BYTES = 8 * 2**20
"""Smaller files go over the registry: asking where else costs more."""
SLOWEST = 10e6
"""Bytes a second at which a server may store what it has received."""


@dataclass(frozen=True)
class Download:
    """A running download: the offset its first byte has in the file, and the bytes."""

    start: int
    chunks: Iterator[bytes]


class FileTransfer:
    """Files of one registry."""

    def __init__(self, exchange: Exchange, settings: Settings) -> None:
        self._exchange = exchange
        self.store = StoreRoute(settings)

    def close(self) -> None:
        """Close connections to the store."""
        self.store.close()

    def put_direct(
        self, path: str, file: Path, *, source_model: bool = False,
        progress: OnBytes | None = None,
    ) -> bool:  # fmt: skip
        """Send a large file straight to the object store; False if it must go over the registry.

        Raises Forbidden, NotFound, TooLarge, QuotaExceeded.
        """
        with disk_errors(file, "Check that the file is still there."):
            size = file.stat().st_size
        if size < DIRECT_BYTES or not self.store.is_open:
            return False
        body = DirectUploadCreate(size=size, source_model=source_model).model_dump_json().encode()
        headers = {"Content-Type": "application/json"}
        with self._exchange.answer(
            "POST", f"{path}/upload", content=body, headers=headers, check=False
        ) as response:
            if response.status_code in (HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED):
                return False  # an older registry; or what uploading there tells better
            if not response.is_success:
                raise self._exchange.error(response, path)
            shown = self._exchange.shown(path)
            signed = parse_answer(DirectUpload, self._exchange.body(response), shown)
        if signed.url is None:
            return False
        return self.store.put(
            signed.url, signed.headers, lambda: file_chunks(file, 0, progress), size / SLOWEST
        )

    def put_file(
        self, path: str, file: Path, offset: int | None = None, progress: OnBytes | None = None
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
            with self._exchange.answer(
                "PUT", path, content=lambda: file_chunks(file, start, progress), headers=headers,
                idempotent=offset is None, timeout=size / SLOWEST,
            ):  # fmt: skip
                return
        except httpx.LocalProtocolError as cause:
            raise TruncatedUpload(
                f"{file} changed while it was sent.", "Push again when nothing writes to it."
            ) from cause

    def uploaded(self, path: str, size: int) -> int:
        """HEAD: how many bytes of a file of `size` the server has, from its beginning on."""
        with self._exchange.answer("HEAD", path, check=False) as response:
            if response.status_code == HTTPStatus.OK:
                return size if response.headers.get("Content-Length") == str(size) else 0
            kept = response.headers.get("Upload-Offset", "0")
            # all of it kept but not stored: what should have stored it failed
            return int(kept) if kept.isascii() and kept.isdigit() and int(kept) < size else 0

    def exists(self, path: str, size: int) -> bool:
        """HEAD; False for whatever is not a plain yes, as a HEAD carries no reason."""
        with self._exchange.answer("HEAD", path, check=False) as response:
            found = response.headers.get("Content-Length")
            return response.status_code == HTTPStatus.OK and found == str(size)

    @contextmanager
    def download(self, path: str, start: int = 0) -> Generator[Download]:
        """GET bytes from offset `start` on; a server without ranges starts at zero.

        They come from the registry's object store, where both can be reached and it says so.
        """
        headers = {"Accept": "application/octet-stream", "Accept-Encoding": "identity"}
        if start:
            headers["Range"] = f"bytes={start}-"
        if self.store.is_open:
            asked = {**headers, FOLLOW_HEADER: "1"}
            with self._exchange.answer("GET", path, headers=asked, redirected=True) as response:
                if not response.is_redirect:
                    yield self._download(response, path, start, self._exchange.stream(response))
                    return
                url = response.headers.get("Location", "")
            with self.store.get(url, headers) as stored:
                if stored is not None:
                    yield self._download(stored, path, start, self.store.stream(stored))
                    return
        with self._exchange.answer("GET", path, headers=headers) as response:
            yield self._download(response, path, start, self._exchange.stream(response))

    def _download(
        self, response: httpx.Response, path: str, start: int, chunks: Iterator[bytes]
    ) -> Download:
        partial = response.status_code == HTTPStatus.PARTIAL_CONTENT
        expected = f"bytes {start}-"
        if partial and not response.headers.get("Content-Range", "").startswith(expected):
            raise not_our_server(self._exchange.shown(path), "another byte range than asked for")
        return Download(start if partial else 0, chunks)
