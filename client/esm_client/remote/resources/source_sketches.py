"""Sketches of the rows behind ESMs."""

from collections.abc import Sequence

from esm_client.core.schemas import Page, SourceSketch, SourceSketchQuery
from esm_client.remote.transport import Transport


class SourceSketchResource:
    """`/v1/source-sketches`."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def query(self, digests: Sequence[str]) -> list[SourceSketch]:
        """POST up to 200 version digests; the sketches of those that have one."""
        query = SourceSketchQuery(digests=list(digests))
        path = "/v1/source-sketches"
        return self._transport.post(path, query, Page[SourceSketch], idempotent=True).items
