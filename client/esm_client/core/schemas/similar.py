"""Sources that are near to one another, or to some texts."""

from typing import Annotated, Literal

from pydantic import Base64Bytes, Field

from esm_client.core.limits import MAX_DIMENSION
from esm_client.core.schemas.contract import Contract, Digest, Name
from esm_client.core.schemas.tasks import SourceTask

By = Literal["map", "text"]
"""What two sources are compared by: what fine-tuning on them does, or their texts."""


class SimilarQuery(Contract):
    """The mean embedding of some texts, to find sources about the same things."""

    space: Name
    embedding: Annotated[Base64Bytes, Field(min_length=4, max_length=4 * MAX_DIMENSION)]
    """(D,) little-endian float32: as base64 at most 44 KiB, so it needs no part of its own."""
    limit: Annotated[int, Field(ge=1, le=200)] = 10


class SimilarEsm(Contract):
    """One neighbour."""

    reference: str
    digest: Digest
    task: SourceTask
    by: By
    cosine: float
    """Of the reduced maps, or of the mean embeddings of the texts."""


class SimilarEsms(Contract):
    """Neighbours, the nearest first, by map and by text."""

    rows: list[SimilarEsm]
