"""Sketches of the rows a version was trained on, taken from its summary."""

from sqlalchemy import BigInteger
from sqlmodel import Field, SQLModel


class SourceSketchRow(SQLModel, table=True):
    """Bottom-k sketches of one version, as little-endian uint64; see core.shield."""

    __tablename__ = "source_sketches"  # pyright: ignore[reportAssignmentType]

    version_id: int = Field(foreign_key="esm_versions.id", primary_key=True)
    rule: int
    num_rows: int = Field(sa_type=BigInteger)
    num_texts: int = Field(sa_type=BigInteger)
    rows: bytes
    texts: bytes
