"""Embedding spaces."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Column
from sqlmodel import Field, SQLModel

from esm_server.db.columns import UtcDateTime, now


class SpaceRow(SQLModel, table=True):
    """One embedding space; `generation` counts the publishes, so a pool has an identity."""

    __tablename__ = "spaces"  # pyright: ignore[reportAssignmentType]

    id: int | None = Field(default=None, primary_key=True)
    name: str = Field(max_length=100, unique=True)
    base_model: str = Field(max_length=300)
    revision: str | None = Field(default=None, max_length=100)
    pooling: str = Field(max_length=20)
    max_length: int
    separator: str = Field(max_length=20)
    dimension: int
    views: dict[str, int] | None = Field(
        default=None, sa_column=Column(JSON(none_as_null=True), nullable=True)
    )
    """Of an inner layer, as core.views.SpaceViews; NULL where embeddings have none."""
    canaries: list[list[float]] = Field(sa_column=Column(JSON, nullable=False))
    generation: int = 0
    location: str = Field(default="", max_length=1000)
    description: str = Field(default="", max_length=1000)
    retired_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    successor: str | None = Field(default=None, max_length=96)
    created_at: datetime = Field(default_factory=now, sa_type=UtcDateTime)
    created_by: str = Field(max_length=100)

    def identity_fields(self) -> dict[str, Any]:
        """The columns that make up the space's identity."""
        names = (
            "base_model", "revision", "pooling", "max_length", "separator", "dimension", "views",
        )  # fmt: skip
        return {name: getattr(self, name) for name in names}
