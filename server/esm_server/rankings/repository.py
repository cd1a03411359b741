"""Queries on receipts."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy.orm import load_only
from sqlmodel import Session, col, select, update

from esm_client.core.schemas import RankedEsm, RankingReceipt
from esm_server.db import EsmRow, EsmVersionRow, RankingJobRow, RankingRow, TokenRow, VersionFileRow

_STATE: tuple[Any, ...] = (
    EsmVersionRow.digest,
    EsmVersionRow.yanked_at,
    EsmVersionRow.yanked_by,
    EsmVersionRow.yank_reason,
)
_PART = 500
"""How many digests go into one statement."""
RUNNING = "running"


class RankingRepository:
    """Receipts within one transaction."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def find(self, ranking_id: str) -> tuple[RankingRow, int, str | None] | None:
        """The receipt with this id, its owner's user id, and their token's only namespace."""
        statement = (
            select(RankingRow, TokenRow.user_id, TokenRow.namespace)
            .join(TokenRow, col(TokenRow.id) == col(RankingRow.token_id))
            .where(col(RankingRow.id) == ranking_id)
        )
        return self._session.exec(statement).first()

    def states(self, rows: Sequence[RankedEsm]) -> dict[str, EsmVersionRow]:
        """Digest and yank of ranked versions that are still there, by digest-pinned reference."""
        found: dict[str, EsmVersionRow] = {}
        for start in range(0, len(rows), _PART):
            digests = [row.digest for row in rows[start : start + _PART]]
            statement = (
                select(EsmRow.namespace, EsmRow.name, EsmVersionRow)
                .options(load_only(*_STATE))  # not the cards
                .join(EsmVersionRow, col(EsmVersionRow.esm_id) == col(EsmRow.id))
                .where(col(EsmVersionRow.digest).in_(digests))
            )
            for namespace, name, row in self._session.exec(statement).all():
                found[f"{namespace}/{name}@{row.digest}"] = row
        return found

    def file_digests(self, space_id: int, filename: str) -> set[str]:
        """The digests of a file of all versions of a space, yanked ones too."""
        statement = (
            select(col(VersionFileRow.digest))
            .join(EsmVersionRow, col(EsmVersionRow.id) == col(VersionFileRow.version_id))
            .join(EsmRow, col(EsmRow.id) == col(EsmVersionRow.esm_id))
            .where(col(EsmRow.space_id) == space_id, col(VersionFileRow.name) == filename)
        )
        return set(self._session.exec(statement).all())

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


class RankingJobRepository:
    """Rankings on their way within one transaction."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def find(self, ranking_id: str) -> tuple[RankingJobRow, int, str | None] | None:
        """The job with this id, its owner's user id, and their token's only namespace."""
        statement = (
            select(RankingJobRow, TokenRow.user_id, TokenRow.namespace)
            .join(TokenRow, col(TokenRow.id) == col(RankingJobRow.token_id))
            .where(col(RankingJobRow.id) == ranking_id)
        )
        return self._session.exec(statement).first()

    def end_answered(self) -> None:
        """End the jobs whose receipts were stored just before a kill."""
        answered = select(RankingJobRow.id).join(
            RankingRow, col(RankingRow.id) == col(RankingJobRow.id)
        )
        running = answered.where(col(RankingJobRow.state) == RUNNING)
        for ranking_id in self._session.exec(running).all():
            self.end(ranking_id, "done")

    def unfinished(self) -> Sequence[str]:
        """The ids of what a former process has left, oldest first."""
        statement = select(RankingJobRow.id).where(col(RankingJobRow.state) == RUNNING)
        return self._session.exec(statement.order_by(col(RankingJobRow.created_at))).all()

    def add(self, row: RankingJobRow) -> None:
        """Store a job."""
        self._session.add(row)
        self._session.flush()

    def end(self, ranking_id: str, state: str, problem: dict[str, Any] | None = None) -> None:
        """Note how a job ended, if it was stored, and forget its sketch and folds."""
        run = self._session.connection().execute
        run(
            update(RankingJobRow)
            .where(col(RankingJobRow.id) == ranking_id)
            .values(state=state, problem=problem, sketch=None, request={})
        )
