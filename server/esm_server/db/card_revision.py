"""Cards as they were before somebody replaced them."""

from datetime import datetime

from sqlalchemy import Column, Text
from sqlmodel import Field, SQLModel

from esm_server.db.columns import UtcDateTime, now


class CardRevisionRow(SQLModel, table=True):
    """One former card of a version."""

    __tablename__ = "card_revisions"  # pyright: ignore[reportAssignmentType]

    id: int | None = Field(default=None, primary_key=True)
    version_id: int = Field(foreign_key="esm_versions.id", index=True)
    card: str = Field(sa_column=Column(Text, nullable=False))
    replaced_at: datetime = Field(default_factory=now, sa_type=UtcDateTime)
    replaced_by: str = Field(max_length=96)
