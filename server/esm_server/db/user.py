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
    is_admin: bool = False
    created_at: datetime = Field(default_factory=now, sa_type=UtcDateTime)
