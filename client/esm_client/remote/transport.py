"""Talking to a registry: JSON documents here, files in `files`."""

from collections.abc import Callable, Iterator, Mapping
from typing import Literal, TypeVar

from pydantic import BaseModel

from esm_client.core.document import Model
from esm_client.core.schemas import Page
from esm_client.remote.config.settings import Settings
from esm_client.remote.files.transfer import FileTransfer
from esm_client.remote.http.answers import not_our_server, parse_answer
from esm_client.remote.http.exchange import Content, Exchange, Params

Item = TypeVar("Item", bound=BaseModel)
JSON = {"Content-Type": "application/json"}


class Transport(Exchange):
    """One connection pool to one registry. All errors it raises are EsmErrors."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.files = FileTransfer(self, settings)

    def close(self) -> None:
        """Close all connections."""
        super().close()
        self.files.close()

    def get(self, path: str, model: type[Model], params: Params | None = None) -> Model:
        """GET a JSON document."""
        with self.answer("GET", path, params=params) as response:
            return parse_answer(model, self.body(response), self.shown(path))

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
        with self.answer(
            "POST", path, content=body.model_dump_json().encode(), idempotent=idempotent,
            headers=JSON, timeout=timeout,
        ) as response:  # fmt: skip
            return parse_answer(model, self.body(response), self.shown(path))

    def either(
        self, method: Literal["GET", "POST"], path: str, models: Mapping[int, type[Model]],
        content: Content = b"", *, headers: Mapping[str, str] | None = None,
        timeout: float | None = None,
    ) -> Model:  # fmt: skip
        """GET, or POST once, what the status says which document it is."""
        with self.answer(
            method, path, content=content, idempotent=method == "GET", headers=headers,
            timeout=timeout,
        ) as response:  # fmt: skip
            model = models.get(response.status_code)
            if model is None:
                raise not_our_server(self.shown(path), f"status {response.status_code}")
            return parse_answer(model, self.body(response), self.shown(path))

    def post_stream(
        self, path: str, content: Callable[[], Iterator[bytes]], size: int, model: type[Model],
        timeout: float,
    ) -> Model:  # fmt: skip
        """POST bytes made while they are sent; sent again when the connection breaks."""
        headers = {"Content-Type": "application/octet-stream", "Content-Length": str(size)}
        with self.answer(
            "POST", path, content=content, headers=headers, timeout=timeout
        ) as response:
            return parse_answer(model, self.body(response), self.shown(path))

    def events(self, path: str, model: type[Model], timeout: float) -> Iterator[Model]:
        """GET server-sent events, each a JSON document, as they come; raises ConnectionFailed."""
        headers = {"Accept": "text/event-stream"}
        with self.answer("GET", path, headers=headers, timeout=timeout) as response:
            pending = b""
            for chunk in self.stream(response):
                *lines, pending = (pending + chunk).split(b"\n")
                for line in lines:
                    if line.startswith(b"data:"):
                        yield parse_answer(model, line[5:], self.shown(path))

    def change(
        self, method: Literal["PUT", "PATCH", "DELETE"], path: str, model: type[Model],
        body: BaseModel | None = None, *, timeout: float | None = None,
    ) -> Model:  # fmt: skip
        """Change one thing; of the body only the fields that were set travel."""
        content = b"" if body is None else body.model_dump_json(exclude_unset=True).encode()
        headers = JSON if body is not None else {}
        with self.answer(
            method, path, content=content, headers=headers, timeout=timeout
        ) as response:
            return parse_answer(model, self.body(response), self.shown(path))

    def act(self, path: str, model: type[Model]) -> Model:
        """POST without a body: a deed that must not be done twice."""
        with self.answer("POST", path, content=b"", idempotent=False) as response:
            return parse_answer(model, self.body(response), self.shown(path))

    def delete(self, path: str, *, patience: float | None = None) -> None:
        """DELETE one thing; raises NotFound."""
        with self.answer("DELETE", path, idempotent=False, patience=patience):
            return
