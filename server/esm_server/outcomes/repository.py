"""Queries on outcomes."""

from collections.abc import Iterator, Sequence

from sqlmodel import Session, col, delete, func, select

from esm_server.db import OutcomeRow, RankingRow, TokenRow

_PART = 1000
"""How many rows are fetched at a time."""


class OutcomeRepository:
    """Outcomes within one transaction."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def list(self, ranking_id: str, after: int | None, limit: int) -> Sequence[OutcomeRow]:
        """The outcomes of a ranking in the order they were first reported in."""
        key = col(OutcomeRow.id)
        statement = select(OutcomeRow).where(col(OutcomeRow.ranking_id) == ranking_id)
        if after is not None:
            statement = statement.where(key > after)
        return self._session.exec(statement.order_by(key).limit(limit)).all()

    def find(
        self, ranking_id: str, reference: str, metric_name: str, seed: int
    ) -> OutcomeRow | None:
        """What was reported of the same thing before."""
        statement = select(OutcomeRow).where(
            col(OutcomeRow.ranking_id) == ranking_id,
            col(OutcomeRow.reference) == reference,
            col(OutcomeRow.metric_name) == metric_name,
            col(OutcomeRow.seed) == seed,
        )
        return self._session.exec(statement).first()

    def remove(self, ranking_id: str, metric_name: str, reported_by: str) -> int:
        """Delete what one user reported of a ranking in a metric; returns how many there were."""
        statement = delete(OutcomeRow).where(
            col(OutcomeRow.ranking_id) == ranking_id,
            col(OutcomeRow.metric_name) == metric_name,
            col(OutcomeRow.reported_by) == reported_by,
        )
        return self._session.exec(statement).rowcount

    def count(self, ranking_id: str) -> int:
        """How many outcomes a ranking has."""
        rows = select(func.count()).select_from(OutcomeRow)
        return self._session.exec(rows.where(col(OutcomeRow.ranking_id) == ranking_id)).one()

    def of_space(self, space_id: int, only: str | None = None) -> Iterator[OutcomeRow]:
        """All outcomes of a space, one ranking after the other, the latest reports last in each.

        only: the namespace to which the tokens were limited that the rankings were asked with.
        """
        statement = (
            select(OutcomeRow)
            .where(col(OutcomeRow.space_id) == space_id)
            .order_by(col(OutcomeRow.ranking_id), col(OutcomeRow.reported_at), col(OutcomeRow.id))
            .execution_options(yield_per=_PART)
        )
        if only is not None:
            statement = (
                statement.join(RankingRow, col(RankingRow.id) == col(OutcomeRow.ranking_id))
                .join(TokenRow, col(TokenRow.id) == col(RankingRow.token_id))
                .where(col(TokenRow.namespace) == only)
            )
        yield from self._session.exec(statement)

    def save(self, row: OutcomeRow) -> None:
        """Store an outcome, a new one or a changed one."""
        self._session.add(row)
        self._session.flush()
