"""Access tokens, of which only the SHA-256 is kept."""

from datetime import datetime

from sqlalchemy import UniqueConstraint
from sqlmodel import Field, SQLModel

from esm_server.db.columns import UtcDateTime, now


class TokenRow(SQLModel, table=True):
    """One token of a user: what it may do, where, until when; revoked ones stay for the log."""

    __tablename__ = "tokens"  # pyright: ignore[reportAssignmentType]
    __table_args__ = (UniqueConstraint("user_id", "name"),)

    id: int | None = Field(default=None, primary_key=True)
    user_id: int = Field(foreign_key="users.id")
    name: str = Field(max_length=96)
    secret_sha256: str = Field(max_length=64, unique=True)
    scope: str = Field(max_length=10)
    namespace: str | None = Field(default=None, max_length=96, foreign_key="namespaces.name")
    expires_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    created_at: datetime = Field(default_factory=now, sa_type=UtcDateTime)
    last_used_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    revoked_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    made_with: int | None = Field(default=None, index=True)
    """Id of the token that its secret was made with; None for the server's command, and before."""
