"""Movable names of versions, and their history."""

from datetime import datetime

from sqlmodel import Field, SQLModel

from esm_server.db.columns import UtcDateTime, now


class AliasRow(SQLModel, table=True):
    """`namespace/name@alias`; a protected one is moved by maintainers only."""

    __tablename__ = "aliases"  # pyright: ignore[reportAssignmentType]

    esm_id: int = Field(foreign_key="esms.id", primary_key=True)
    name: str = Field(max_length=50, primary_key=True)
    version_id: int = Field(foreign_key="esm_versions.id", index=True)
    protected: bool = False
    moved_at: datetime = Field(default_factory=now, sa_type=UtcDateTime)
    moved_by: str = Field(max_length=96)


class AliasMoveRow(SQLModel, table=True):
    """One step of an alias's history, by version numbers; it outlives alias and versions."""

    __tablename__ = "alias_moves"  # pyright: ignore[reportAssignmentType]

    id: int | None = Field(default=None, primary_key=True)
    esm_id: int = Field(foreign_key="esms.id", index=True)
    alias: str = Field(max_length=50)
    from_version: int | None = None
    to_version: int | None = None
    at: datetime = Field(default_factory=now, sa_type=UtcDateTime)
    by: str = Field(max_length=96)
