"""Access tokens, of which only the SHA-256 is kept."""

from datetime import datetime

from sqlmodel import Field, SQLModel

from esm_server.db.columns import UtcDateTime, now


class TokenRow(SQLModel, table=True):
    """One token: who it is for, what it may do, until when."""

    __tablename__ = "tokens"  # pyright: ignore[reportAssignmentType]

    id: int | None = Field(default=None, primary_key=True)
    name: str = Field(max_length=100, unique=True)
    secret_sha256: str = Field(max_length=64, unique=True)
    scope: str = Field(max_length=10)
    expires_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    created_at: datetime = Field(default_factory=now, sa_type=UtcDateTime)
