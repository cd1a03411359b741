"""The fine-tuned source model an ESM imitates, stored beside it."""

from datetime import datetime
from typing import Annotated

from pydantic import Field

from esm_client.core.document import Entries
from esm_client.core.limits import MAX_SOURCE_MODEL_BYTES, MAX_SOURCE_MODEL_FILES
from esm_client.core.schemas.contract import Contract, Digest


class SourceModelFile(Contract):
    """One file of a source model: its sha256 and size in bytes."""

    sha256: Digest
    size: Annotated[int, Field(ge=0, le=MAX_SOURCE_MODEL_BYTES)]


class SourceModelCreate(Contract):
    """The files of a source model by name, uploaded before."""

    files: Annotated[
        dict[Annotated[str, Field(max_length=100)], SourceModelFile],
        Entries(MAX_SOURCE_MODEL_FILES, least=1),
    ]


class SourceModel(SourceModelCreate):
    """A stored source model; its digest is made like that of a version's manifest."""

    digest: Digest
    created_at: datetime
    created_by: str
