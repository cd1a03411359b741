"""What came of the source tasks of rankings."""

from datetime import datetime

from sqlalchemy import JSON, BigInteger, Column, UniqueConstraint
from sqlmodel import Field, SQLModel

from esm_server.db.columns import UtcDateTime, now

BASELINE = ""
"""The reference of an outcome without an intermediate task: a unique key tells no nulls apart."""
NO_SEED = -1
"""Likewise of one whose seed nobody said."""


class OutcomeRow(SQLModel, table=True):
    """One reported performance, and what the ledger needs of the receipt it belongs to.

    It names an ESM as the receipt does, and stays when that is deleted.
    """

    __tablename__ = "outcomes"  # pyright: ignore[reportAssignmentType]
    __table_args__ = (UniqueConstraint("ranking_id", "reference", "metric_name", "seed"),)

    id: int | None = Field(default=None, primary_key=True)
    ranking_id: str = Field(max_length=32, foreign_key="rankings.id")
    space_id: int = Field(foreign_key="spaces.id", index=True)
    method: str = Field(max_length=50)
    """The name of the receipt's score."""
    reference: str = Field(max_length=300)
    rank: int | None = None
    """In the receipt; sources are in the same order there as without copies of the target."""
    shielded_rank: int | None = None
    """Without those copies, where the reporter knew of them."""
    metric_name: str = Field(max_length=50)
    metric: float
    seed: int = Field(sa_column=Column(BigInteger, nullable=False))
    method_ranks: dict[str, int] = Field(sa_column=Column(JSON, nullable=False))
    reported_at: datetime = Field(default_factory=now, sa_type=UtcDateTime)
    reported_by: str = Field(max_length=96)
