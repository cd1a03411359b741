"""Uploads that ended: who has sent which bytes into which namespace."""

from datetime import datetime

from sqlmodel import Field, SQLModel

from esm_server.db.columns import UtcDateTime, now


class UploadRow(SQLModel, table=True):
    """The last time that a user sent a file into a namespace, which need not exist yet."""

    __tablename__ = "uploads"  # pyright: ignore[reportAssignmentType]

    digest: str = Field(max_length=71, primary_key=True)
    namespace: str = Field(max_length=96, primary_key=True)
    user_id: int = Field(foreign_key="users.id", primary_key=True)
    ended_at: datetime = Field(default_factory=now, sa_type=UtcDateTime, index=True)
