"""Queries on receipts."""

from typing import Any

from sqlalchemy.orm import load_only
from sqlmodel import Session, col, select

from esm_client.core.schemas import RankingReceipt
from esm_server.db import EsmRow, EsmVersionRow, RankingRow, TokenRow

_STATE: tuple[Any, ...] = (
    EsmVersionRow.digest,
    EsmVersionRow.yanked_at,
    EsmVersionRow.yanked_by,
    EsmVersionRow.yank_reason,
)


class RankingRepository:
    """Receipts within one transaction."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def find(self, ranking_id: str) -> tuple[RankingRow, int] | None:
        """The receipt with this id, and its owner's user id."""
        statement = (
            select(RankingRow, TokenRow.user_id)
            .join(TokenRow, col(TokenRow.id) == col(RankingRow.token_id))
            .where(col(RankingRow.id) == ranking_id)
        )
        return self._session.exec(statement).first()

    def states(self, space_id: int) -> dict[str, EsmVersionRow]:
        """Digest and yank of all versions of a space, by digest-pinned reference."""
        statement = (
            select(EsmRow.namespace, EsmRow.name, EsmVersionRow)
            .options(load_only(*_STATE))  # not the cards
            .join(EsmVersionRow, col(EsmVersionRow.esm_id) == col(EsmRow.id))
            .where(col(EsmRow.space_id) == space_id)
        )
        rows = self._session.exec(statement).all()
        return {f"{namespace}/{name}@{row.digest}": row for namespace, name, row in rows}

    def add(self, receipt: RankingReceipt, space_id: int, token_id: int) -> None:
        """Store a receipt as it is answered."""
        row = RankingRow(
            id=receipt.id,
            space_id=space_id,
            token_id=token_id,
            receipt=receipt.model_dump(mode="json"),
            created_at=receipt.created_at,
        )
        self._session.add(row)
        self._session.flush()
