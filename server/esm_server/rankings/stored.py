"""A ranking request as a job keeps it: a small document, and the bytes of the target as they are.

In the document the bytes would be base64: several copies of all of them in memory, and on the disk.
"""

import base64
from collections.abc import Mapping
from typing import Any

from esm_client.core.schemas import RankingCreate, RankingOptions

SIZES = "sizes"
"""Where the document says how many bytes the sketch and each fold take; what is left are the rows,
if there are any."""
_TARGET = {"sketch", "folds", "embedded"}


def as_stored(request: RankingCreate) -> tuple[dict[str, Any], bytes]:
    """The document and the bytes."""
    document = request.model_dump(mode="json", exclude=_TARGET)
    parts = (request.sketch, *request.folds)
    return (
        {**document, SIZES: [len(part) for part in parts]},
        b"".join((*parts, request.embedded or b"")),
    )


def as_asked(document: Mapping[str, Any], target: bytes) -> RankingCreate:
    """The request again, also one that an earlier version has stored; raises ValidationError."""
    options = dict(document)
    if (sizes := options.pop(SIZES, None)) is None:
        return RankingCreate.model_validate({**options, "sketch": base64.b64encode(target)})
    parts: list[bytes] = []
    start = 0
    for size in sizes:
        parts.append(target[start : start + size])
        start += size
    return RankingCreate.of(
        RankingOptions.model_validate(options), parts[0], parts[1:], target[start:] or None
    )
