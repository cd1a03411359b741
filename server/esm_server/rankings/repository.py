"""Queries on receipts."""

from sqlmodel import Session, col, select

from esm_client.core.schemas import RankingReceipt
from esm_server.db import RankingRow


class RankingRepository:
    """Receipts within one transaction."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def find(self, ranking_id: str) -> RankingRow | None:
        """The receipt with this id."""
        statement = select(RankingRow).where(col(RankingRow.id) == ranking_id)
        return self._session.exec(statement).first()

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
