"""People and robots who hold tokens."""

from datetime import datetime

from sqlmodel import Field, SQLModel

from esm_server.db.columns import UtcDateTime, now


class UserRow(SQLModel, table=True):
    """One user; `kind` is `person` or `robot`; an admin may do everything everywhere."""

    __tablename__ = "users"  # pyright: ignore[reportAssignmentType]

    id: int | None = Field(default=None, primary_key=True)
    name: str = Field(max_length=96, unique=True)
    kind: str = Field(default="person", max_length=10)
    namespace: str | None = Field(default=None, max_length=96, foreign_key="namespaces.name")
    """Of a robot: the one it belongs to; without one, only admins of the registry answer for it."""
    is_admin: bool = False
    created_at: datetime = Field(default_factory=now, sa_type=UtcDateTime)
    disabled_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    disabled_by: str | None = Field(default=None, max_length=96)
