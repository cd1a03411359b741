"""Namespaces and who belongs to them."""

from datetime import datetime

from sqlalchemy import BigInteger
from sqlmodel import Field, SQLModel

from esm_server.db.columns import UtcDateTime, now


class NamespaceRow(SQLModel, table=True):
    """One namespace; a private one is seen by its members alone."""

    __tablename__ = "namespaces"  # pyright: ignore[reportAssignmentType]

    name: str = Field(max_length=96, primary_key=True)
    description: str = Field(default="", max_length=1000)
    private: bool = False
    quota_bytes: int | None = Field(default=None, sa_type=BigInteger)
    quota_versions: int | None = Field(default=None, sa_type=BigInteger)
    created_at: datetime = Field(default_factory=now, sa_type=UtcDateTime)
    created_by: str = Field(max_length=96)


class MemberRow(SQLModel, table=True):
    """A user's role in a namespace: reader, writer, maintainer or admin."""

    __tablename__ = "members"  # pyright: ignore[reportAssignmentType]

    namespace: str = Field(max_length=96, foreign_key="namespaces.name", primary_key=True)
    user_id: int = Field(foreign_key="users.id", primary_key=True, index=True)
    role: str = Field(max_length=10)
