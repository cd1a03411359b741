"""Named ESMs."""

from datetime import datetime

from sqlalchemy import UniqueConstraint
from sqlmodel import Field, SQLModel

from esm_server.db.columns import UtcDateTime, now


class EsmRow(SQLModel, table=True):
    """`namespace/name`, of one space; `num_versions` is also the latest version's number."""

    __tablename__ = "esms"  # pyright: ignore[reportAssignmentType]
    __table_args__ = (UniqueConstraint("namespace", "name"),)

    id: int | None = Field(default=None, primary_key=True)
    namespace: str = Field(max_length=96)
    name: str = Field(max_length=96)
    space_id: int = Field(foreign_key="spaces.id", index=True)
    num_versions: int = 0
    created_at: datetime = Field(default_factory=now, sa_type=UtcDateTime)
