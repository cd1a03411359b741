"""Queries on former cards."""

from collections.abc import Sequence

from sqlmodel import Session, col, select

from esm_server.db import CardRevisionRow


class CardRepository:
    """Former cards within one transaction."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def keep(self, row: CardRevisionRow) -> None:
        """Store a card that is about to be replaced."""
        self._session.add(row)
        self._session.flush()

    def list(self, version_id: int, before: int | None, limit: int) -> Sequence[CardRevisionRow]:
        """Former cards of a version, the last one first."""
        key = col(CardRevisionRow.id)
        statement = (
            select(CardRevisionRow)
            .where(col(CardRevisionRow.version_id) == version_id)
            .order_by(key.desc())
            .limit(limit)
        )
        if before is not None:
            statement = statement.where(key < before)
        return self._session.exec(statement).all()
