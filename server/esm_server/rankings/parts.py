"""A ranking request in parts: a small document, and the bytes of the target as they are."""

from collections import defaultdict
from collections.abc import Generator
from contextlib import contextmanager

from multipart import MultipartError, MultipartSegment, ParserLimitReached, PushMultipartParser

from esm_client.core.errors import InvalidInput, TooLarge
from esm_client.core.limits import (
    MAX_EMBEDDED_BYTES,
    MAX_FOLDS,
    MAX_SKETCH_BYTES,
    MAX_SPACE_JSON_BYTES,
)
from esm_client.core.schemas import RankingCreate, RankingOptions
from esm_server.documents import SEE_DOCUMENT, read_document

MAX_BYTES = {
    "request": MAX_SPACE_JSON_BYTES,
    "sketch": MAX_SKETCH_BYTES,
    "fold": MAX_SKETCH_BYTES,
    "embedded": MAX_EMBEDDED_BYTES,
}
"""The parts there are, and how large each may be."""
MAX_HEAD_BYTES, MAX_HEADERS, MAX_BOUNDARY = 512, 4, 70


class RankingParts:
    """Takes multipart/form-data apart while it arrives."""

    def __init__(self, boundary: str) -> None:
        """Raises InvalidInput for a boundary that is none."""
        if len(boundary) > MAX_BOUNDARY:
            raise InvalidInput(
                f"The boundary has {len(boundary)} characters.",
                f"Use one of at most {MAX_BOUNDARY}.",
            )
        with _our_errors():
            self._parser = PushMultipartParser(
                boundary,
                max_header_size=MAX_HEAD_BYTES,
                max_header_count=MAX_HEADERS,
                max_segment_size=max(MAX_BYTES.values()),
                max_segment_count=len(MAX_BYTES) + MAX_FOLDS,
            )
        self._parts: defaultdict[str, list[bytes]] = defaultdict(list)
        self._name, self._data = "", bytearray()

    def feed(self, data: bytes) -> None:
        """Take in what arrived; raises InvalidInput, TooLarge."""
        if not data:  # which would be its end to the parser
            return
        with _our_errors():
            for event in self._parser.parse(data):
                if isinstance(event, MultipartSegment):
                    self._begin(event.name or "")
                elif event is None:
                    self._parts[self._name].append(bytes(self._data))
                    self._data = bytearray()
                else:
                    self._take(event)

    def request(self) -> RankingCreate:
        """The whole request, once all of it is there; raises InvalidInput."""
        with _our_errors():
            self._parser.close()
        for name in ("request", "sketch"):
            if name not in self._parts:
                raise InvalidInput(f"The part {name!r} is missing.", SEE_DOCUMENT)
        options = read_document(RankingOptions, self._parts["request"][0])
        embedded = self._parts["embedded"]
        return RankingCreate.of(
            options,
            self._parts["sketch"][0],
            self._parts["fold"],
            embedded[0] if embedded else None,
        )

    def _begin(self, name: str) -> None:
        if name not in MAX_BYTES:
            raise InvalidInput(
                f"A ranking request has no part {name[:80]!r}.", f"Send {', '.join(MAX_BYTES)}."
            )
        most = MAX_FOLDS if name == "fold" else 1
        if len(self._parts[name]) == most:
            raise InvalidInput(f"There are more than {most} parts {name!r}.", "Send fewer.")
        self._name = name

    def _take(self, data: bytes) -> None:
        self._data += data
        if len(self._data) > (most := MAX_BYTES[self._name]):
            raise TooLarge(f"The part {self._name!r} may take {most} bytes.", "Send less.")


@contextmanager
def _our_errors() -> Generator[None]:
    try:
        yield
    except ParserLimitReached as cause:
        raise TooLarge(f"The request's parts are beyond a limit: {cause}.", SEE_DOCUMENT) from cause
    except MultipartError as cause:
        raise InvalidInput(
            f"The request is no usable multipart/form-data: {cause}.", SEE_DOCUMENT
        ) from cause
