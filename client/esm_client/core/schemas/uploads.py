"""Sending bytes past the server, straight to its object store."""

from typing import Annotated

from pydantic import Field

from esm_client.core.schemas.contract import Contract

FOLLOW_HEADER = "X-ESM-Follow"
"""A request for a file with it may be answered with a redirect to the store."""


class DirectUploadCreate(Contract):
    """A file that a client wants to send to the store itself."""

    size: Annotated[int, Field(ge=0, le=2**53)]
    """In bytes."""
    source_model: bool = False
    """Whether it is a file of a source model, which may be larger."""


class DirectUpload(Contract):
    """The PUT that stores it, to be sent soon and exactly so; without a URL there is none."""

    url: str | None = None
    headers: dict[str, str] = Field(default_factory=dict[str, str])
