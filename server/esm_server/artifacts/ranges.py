"""Byte ranges and entity tags of RFC 9110: what part of a file a request wants."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from esm_client.core.errors import RangeNotSatisfiable

# More digits than any file has; int() of thousands of them would be slow.
_RANGE = re.compile(r"bytes=\s*(\d{0,18})-(\d{0,18})\s*", flags=re.ASCII | re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Selection:
    """Answer with `status` and the bytes from `start` up to `stop`."""

    status: Literal[200, 206, 304]
    start: int
    stop: int


class UnsatisfiableRange(RangeNotSatisfiable):
    """Carries the header that tells the file's real size."""

    def __init__(self, asked: str, size: int) -> None:
        super().__init__(
            f"The range {asked[:100]!r} lies outside the file, which has {size} bytes.",
            "Ask for a range inside it.",
        )
        self.headers = {"Content-Range": f"bytes */{size}"}


def select(headers: Mapping[str, str], size: int, etag: str) -> Selection:
    """What to answer to these request headers; raises UnsatisfiableRange.

    A range that is not understood, or several at once, is answered with the whole file, as
    RFC 9110 allows.
    """
    whole = Selection(200, 0, size)
    if _matches(headers.get("if-none-match", ""), etag):
        return Selection(304, 0, 0)
    asked = headers.get("range", "")
    match = _RANGE.fullmatch(asked)
    # A date in If-Range never matches: content is immutable and has no dates.
    if match is None or headers.get("if-range", etag).strip() != etag:
        return whole
    first, last = match[1], match[2]
    if not first and not last:
        return whole
    start = int(first) if first else max(size - int(last), 0)
    stop = min(int(last) + 1, size) if first and last else size
    if first and last and int(last) < int(first):
        return whole
    if start >= size or (not first and int(last) == 0):
        raise UnsatisfiableRange(asked, size)
    return Selection(206, start, stop)


def _matches(if_none_match: str, etag: str) -> bool:
    tags = [tag.strip().removeprefix("W/") for tag in if_none_match.split(",")]
    return "*" in tags or etag in tags
