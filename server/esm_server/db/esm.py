"""Named ESMs."""

from datetime import datetime

from sqlalchemy import Index, UniqueConstraint
from sqlmodel import Field, SQLModel

from esm_server.db.columns import UtcDateTime, now

FILTERED = (
    "space_id", "data_set", "kind", "language", "domain", "licence", "architecture", "owner",
)  # fmt: skip
"""Columns that lists filter by; each has an index that gives the order by name as well."""


class EsmRow(SQLModel, table=True):
    """`namespace/name`, of one space, and what its latest version says of itself.

    The latest version is the newest that is not yanked; where every version is yanked, the
    newest, and `live` is false. Its facts are copied here, where lists and filters find them.
    """

    __tablename__ = "esms"  # pyright: ignore[reportAssignmentType]
    __table_args__ = (
        UniqueConstraint("namespace", "name"),
        *(
            Index(f"ix_esms_live_{column}", "live", column, "namespace", "name")
            for column in FILTERED
        ),
        Index("ix_esms_live_namespace", "live", "namespace", "name"),
        Index("ix_esms_live_updated_at", "live", "updated_at", "id"),
    )

    id: int | None = Field(default=None, primary_key=True)
    namespace: str = Field(max_length=96, foreign_key="namespaces.name")
    name: str = Field(max_length=96)
    space_id: int = Field(foreign_key="spaces.id", index=True)
    description: str = Field(default="", max_length=1000)
    superseded_by: str | None = Field(default=None, max_length=200)
    last_number: int = 0
    """The highest version number ever given; a deleted version's is not given again."""
    num_versions: int = 0
    latest_number: int = 0
    live: bool = False
    data_set: str = Field(default="", max_length=1000)
    kind: str | None = Field(default=None, max_length=20)
    language: str | None = Field(default=None, max_length=1000)
    domain: str | None = Field(default=None, max_length=100)
    licence: str | None = Field(default=None, max_length=200)
    architecture: str = Field(default="", max_length=20)
    owner: str = Field(default="", max_length=96)
    created_at: datetime = Field(default_factory=now, sa_type=UtcDateTime)
    updated_at: datetime = Field(default_factory=now, sa_type=UtcDateTime)


class EsmTagRow(SQLModel, table=True):
    """One tag of an ESM."""

    __tablename__ = "esm_tags"  # pyright: ignore[reportAssignmentType]

    esm_id: int = Field(foreign_key="esms.id", primary_key=True)
    tag: str = Field(max_length=50, primary_key=True, index=True)
