"""Sketches of the rows behind ESMs, for comparing a target with them on the user's machine."""

from typing import Annotated

from pydantic import Base64Bytes

from esm_client.core.document import Items
from esm_client.core.limits import MAX_PAGE_ROWS
from esm_client.core.schemas.contract import Contract, Digest


class SourceSketchQuery(Contract):
    """Versions by digest."""

    digests: Annotated[list[Digest], Items(MAX_PAGE_ROWS, least=1)]


class SourceSketch(Contract):
    """The bottom-k sketches of one version's source rows and texts (core.shield)."""

    digest: Digest
    rule: int
    """Version of the rule that normalises texts; only equal rules compare."""
    num_rows: int
    """Distinct rows of the source."""
    num_texts: int
    """Distinct texts in them."""
    rows: Base64Bytes
    """Little-endian uint64, increasing."""
    texts: Base64Bytes
    """The same of single texts; empty where a row has one text."""
