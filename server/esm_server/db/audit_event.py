"""Who did what to which thing."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Column
from sqlmodel import Field, SQLModel

from esm_server.db.columns import UtcDateTime, now


class AuditEventRow(SQLModel, table=True):
    """One change, written in the transaction that made it; never changed, never removed."""

    __tablename__ = "audit_events"  # pyright: ignore[reportAssignmentType]

    id: int | None = Field(default=None, primary_key=True)
    at: datetime = Field(default_factory=now, sa_type=UtcDateTime, index=True)
    user: str = Field(max_length=96, index=True)
    token: str = Field(max_length=96)
    action: str = Field(max_length=50, index=True)
    subject: str = Field(max_length=300, index=True)
    namespace: str | None = Field(default=None, max_length=96, index=True)
    digest: str | None = Field(default=None, max_length=71)
    detail: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))
