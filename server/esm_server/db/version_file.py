"""The manifest of each version, one row per file."""

from sqlalchemy import Index
from sqlmodel import Field, SQLModel


class VersionFileRow(SQLModel, table=True):
    """One file of a version; `digest` finds its blob, and `namespace` is that of its ESM."""

    __tablename__ = "version_files"  # pyright: ignore[reportAssignmentType]
    __table_args__ = (Index("ix_version_files_digest_namespace", "digest", "namespace"),)

    version_id: int = Field(foreign_key="esm_versions.id", primary_key=True)
    name: str = Field(max_length=100, primary_key=True)
    digest: str = Field(max_length=71)
    size: int
    namespace: str = Field(max_length=96)
