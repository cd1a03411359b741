"""Rankings that are not done yet."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Column, LargeBinary
from sqlmodel import Field, SQLModel

from esm_server.db.columns import UtcDateTime, now


class RankingJobRow(SQLModel, table=True):
    """A ranking somebody was told to come back for: enough to run it again after a kill.

    The sketch, and the folds and rows behind it, stay only until the ranking is over.
    """

    __tablename__ = "ranking_jobs"  # pyright: ignore[reportAssignmentType]

    id: str = Field(max_length=32, primary_key=True)
    token_id: int = Field(foreign_key="tokens.id", index=True)
    state: str = Field(max_length=20)
    request: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))
    sketch: bytes | None = Field(sa_column=Column(LargeBinary, nullable=True))
    problem: dict[str, Any] | None = Field(sa_column=Column(JSON(none_as_null=True)))
    created_at: datetime = Field(default_factory=now, sa_type=UtcDateTime)
