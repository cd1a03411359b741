"""The manifest of each version, one row per file."""

from sqlmodel import Field, SQLModel


class VersionFileRow(SQLModel, table=True):
    """One file of a version; `digest` finds its blob."""

    __tablename__ = "version_files"  # pyright: ignore[reportAssignmentType]

    version_id: int = Field(foreign_key="esm_versions.id", primary_key=True)
    name: str = Field(max_length=100, primary_key=True)
    digest: str = Field(max_length=71, index=True)
    size: int
