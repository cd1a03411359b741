"""Uploads that ended: who has sent which bytes into which namespace."""

from datetime import datetime, timedelta

from sqlalchemy import BigInteger
from sqlmodel import Field, SQLModel

from esm_server.db.columns import UtcDateTime, now

LATELY = timedelta(hours=24)
"""For so long after an upload its user may name the file in that namespace."""


class UploadRow(SQLModel, table=True):
    """The last time that a user sent a file into a namespace, which need not exist yet."""

    __tablename__ = "uploads"  # pyright: ignore[reportAssignmentType]

    digest: str = Field(max_length=71, primary_key=True)
    namespace: str = Field(max_length=96, primary_key=True)
    user_id: int = Field(foreign_key="users.id", primary_key=True)
    size: int = Field(sa_type=BigInteger)
    ended_at: datetime = Field(default_factory=now, sa_type=UtcDateTime, index=True)
