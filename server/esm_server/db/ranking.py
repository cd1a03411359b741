"""Receipts of rankings."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Column
from sqlmodel import Field, SQLModel

from esm_server.db.columns import UtcDateTime, now


class RankingRow(SQLModel, table=True):
    """One ranking: the receipt as it was answered, and columns to find it by."""

    __tablename__ = "rankings"  # pyright: ignore[reportAssignmentType]

    id: str = Field(max_length=32, primary_key=True)
    space_id: int = Field(foreign_key="spaces.id", index=True)
    token_id: int = Field(foreign_key="tokens.id", index=True)
    receipt: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))
    created_at: datetime = Field(default_factory=now, sa_type=UtcDateTime)
