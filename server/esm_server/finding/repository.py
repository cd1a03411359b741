"""Queries that find ESMs."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import (
    ColumnElement,
    and_,
    func,
    literal,
    or_,
    tuple_,
    union_all,
)
from sqlmodel import Session, col, select
from sqlmodel.sql.expression import SelectOfScalar

from esm_client.core.schemas import EsmQuery
from esm_server.db import EsmRow, EsmTagRow, EsmVersionRow, SpaceRow
from esm_server.db.visibility import Reader, readable
from esm_server.finding.conditions import COLUMNS, conditions
from esm_server.registry.repository import IS_LATEST, VersionRecord
from esm_server.registry.text_index import TextIndex

Key = tuple[Any, ...]
MAX_FACET_VALUES = 20

_RECORDS = (
    select(EsmRow, EsmVersionRow, SpaceRow)
    .join(EsmVersionRow, (col(EsmVersionRow.esm_id) == col(EsmRow.id)) & IS_LATEST)
    .join(SpaceRow, col(SpaceRow.id) == col(EsmRow.space_id))
)


_LABELLED: tuple[Any, ...] = tuple(sa.label(field, column) for field, column in COLUMNS.items())


class FindingRepository:
    """What a reader may find within one transaction."""

    def __init__(self, session: Session, reader: Reader) -> None:
        self._session = session
        self._readable = readable(reader, col(EsmRow.namespace))

    def by_name(self, query: EsmQuery, after: Key | None, limit: int) -> Sequence[VersionRecord]:
        """Matching ESMs by namespace and name; the key of a row."""
        key = (col(EsmRow.namespace), col(EsmRow.name))
        where = self._where(query)
        if after is not None:
            where.append(tuple_(*key) > tuple_(*after))
        return self._records(select(EsmRow.id).where(*where).order_by(*key).limit(limit))

    def newest(self, query: EsmQuery, after: Key | None, limit: int) -> Sequence[VersionRecord]:
        """Matching ESMs, the one that changed last first; key: the time and the id."""
        time, number = col(EsmRow.updated_at), col(EsmRow.id)
        where = self._where(query)
        if after is not None:
            at: datetime = after[0]
            where.append(or_(time < at, and_(time == at, number < after[1])))
        order = (time.desc(), number.desc())
        return self._records(select(EsmRow.id).where(*where).order_by(*order).limit(limit))

    def by_relevance(
        self, query: EsmQuery, after: Key | None, limit: int
    ) -> Sequence[tuple[float, VersionRecord]]:
        """Matching ESMs, the best match first, with its score; key: the score and the id."""
        where = self._where(query.model_copy(update={"text": None}))
        inner = TextIndex(self._session).scores(query.text or "", where).subquery()
        statement = select(inner.c.id, inner.c.score).order_by(inner.c.score, inner.c.id)
        if after is not None:
            best, last = after
            statement = statement.where(
                or_(inner.c.score > best, and_(inner.c.score == best, inner.c.id > last))
            )
        found = self._session.connection().execute(statement.limit(limit)).all()
        records = {row[0].id: row for row in self._by_ids([id_ for id_, _ in found])}
        return [(value, records[id_]) for id_, value in found]

    def facets(self, query: EsmQuery) -> dict[str, list[tuple[str, int]]]:
        """The most frequent values by field among matching ESMs; `None` counts all of them.

        One statement: the matching rows are gathered once, and counted by each field.
        """
        columns: tuple[Any, ...] = (
            EsmRow.id,
            sa.label("space", col(SpaceRow.name)),
            EsmRow.kind,
            *_LABELLED,
        )
        matching = sa.select(*columns).join(SpaceRow, col(SpaceRow.id) == col(EsmRow.space_id))
        found = matching.where(*self._where(query)).cte("found")
        found = found.prefix_with("MATERIALIZED")
        everything: Any = select(
            literal("").label("field"), literal("").label("value"), func.count()
        )
        counts: list[Any] = [everything.select_from(found)]
        counts += [_most_frequent(field, found.c[field]) for field in ("space", "kind", *COLUMNS)]
        tags = _most_frequent("tag", col(EsmTagRow.tag), (found, found.c.id == EsmTagRow.esm_id))
        rows: Any = self._session.connection().execute(union_all(*counts, tags)).all()
        facets: dict[str, list[tuple[str, int]]] = {}
        for field, value, count in rows:
            facets.setdefault(field, []).append((value, count))
        return {f: sorted(values, key=lambda v: (-v[1], v[0])) for f, values in facets.items()}

    def _where(self, query: EsmQuery) -> list[ColumnElement[bool]]:
        where = [self._readable, col(EsmRow.live) == (not query.yanked), *conditions(query)]
        if query.space is not None:
            of_name = select(SpaceRow.id).where(col(SpaceRow.name) == query.space)
            where.append(col(EsmRow.space_id) == of_name.scalar_subquery())
        if query.text is not None:
            where.append(TextIndex(self._session).matches(query.text))
        return where

    def _records(self, ids: SelectOfScalar[Any]) -> list[VersionRecord]:
        # the page's ids first, from indexes alone; then the wide rows of the page
        found: Sequence[int] = self._session.exec(ids).all()
        records = {row[0].id: row for row in self._by_ids(found)}
        return [records[number] for number in found]

    def _by_ids(self, ids: Sequence[int]) -> Sequence[VersionRecord]:
        return self._session.exec(_RECORDS.where(col(EsmRow.id).in_(ids))).all()


def _most_frequent(field: str, column: Any, joined: Any = None) -> Any:
    """The rows (field, value, count) of one field's most frequent values."""
    count = func.count().label("count")
    statement = sa.select(literal(field).label("field"), column.label("value"), count)
    if joined is not None:
        statement = statement.join(*joined)
    statement = statement.where(column.is_not(None)).group_by(column)
    inner = statement.order_by(count.desc(), column).limit(MAX_FACET_VALUES).subquery()
    return sa.select(inner.c.field, inner.c.value, inner.c.count)
