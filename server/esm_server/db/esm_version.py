"""Immutable versions of ESMs."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, Column, Text, UniqueConstraint
from sqlmodel import Field, SQLModel

from esm_server.db.columns import UtcDateTime, now


class EsmVersionRow(SQLModel, table=True):
    """One version: its number, the digest of its manifest, and what its config.json says."""

    __tablename__ = "esm_versions"  # pyright: ignore[reportAssignmentType]
    __table_args__ = (
        UniqueConstraint("esm_id", "version"),
        UniqueConstraint("esm_id", "digest"),
        {"sqlite_autoincrement": True},  # a key never comes back: packs and indices count on it
    )

    id: int | None = Field(default=None, primary_key=True)
    esm_id: int = Field(foreign_key="esms.id")
    version: int
    digest: str = Field(max_length=71, index=True)
    size: int = Field(default=0, sa_type=BigInteger)
    """Bytes of all its files."""
    architecture: str = Field(max_length=20)
    dimension: int
    task: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))
    source: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))
    fit: dict[str, Any] | None = Field(sa_column=Column(JSON(none_as_null=True)))
    card: str = Field(sa_column=Column(Text, nullable=False))
    provenance: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))
    findings: list[dict[str, Any]] = Field(sa_column=Column(JSON, nullable=False))
    near_duplicate_of: str | None = Field(default=None, max_length=300)
    """The reference of an earlier version whose map is almost the same."""
    yanked_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    yanked_by: str | None = Field(default=None, max_length=96)
    yank_reason: str | None = Field(default=None, max_length=1000)
    created_at: datetime = Field(default_factory=now, sa_type=UtcDateTime)
    created_by: str = Field(max_length=100)
