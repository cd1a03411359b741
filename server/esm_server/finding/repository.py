"""Queries that find ESMs."""

from collections.abc import Sequence

from sqlalchemy import tuple_
from sqlmodel import Session, col, select

from esm_client.core.schemas import EsmQuery
from esm_server.db import EsmRow, EsmVersionRow, SpaceRow
from esm_server.db.visibility import Reader, readable
from esm_server.registry.repository import IS_LATEST, VersionRecord


class FindingRepository:
    """What a reader may find within one transaction."""

    def __init__(self, session: Session, reader: Reader) -> None:
        self._session = session
        self._readable = readable(reader, col(EsmRow.namespace))

    def list(
        self, query: EsmQuery, after: tuple[str, str] | None, limit: int
    ) -> Sequence[VersionRecord]:
        """Matching ESMs with their latest versions, by name."""
        key = (col(EsmRow.namespace), col(EsmRow.name))
        statement = (
            select(EsmRow, EsmVersionRow, SpaceRow)
            .join(EsmVersionRow, (col(EsmVersionRow.esm_id) == col(EsmRow.id)) & IS_LATEST)
            .join(SpaceRow, col(SpaceRow.id) == col(EsmRow.space_id))
            .where(self._readable, col(EsmRow.live) == (not query.yanked))
            .order_by(*key)
            .limit(limit)
        )
        if query.space is not None:
            statement = statement.where(col(SpaceRow.name) == query.space)
        if after is not None:
            statement = statement.where(tuple_(*key) > after)
        return self._session.exec(statement).all()
