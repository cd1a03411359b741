"""Full text of ESMs: over names, tasks, tags, descriptions and cards.

The table `esm_text` is derived from SQL alone and can be rebuilt; its rowids are ids of ESMs.
"""

import re
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy import ColumnElement, Select, text
from sqlmodel import Session, col, select

from esm_client.core.errors import InvalidInput
from esm_server.db import EsmRow, EsmTagRow, EsmVersionRow
from esm_server.registry import text_postgresql, text_sqlite

_DELETE = text("DELETE FROM esm_text WHERE rowid = :id")
_WORD = re.compile(r"\w+")


class TextIndex:
    """The text of all ESMs within one transaction."""

    def __init__(self, session: Session) -> None:
        self._run = session.connection().execute
        self._session = session
        dialect = session.connection().dialect.name
        self._words = text_postgresql if dialect == "postgresql" else text_sqlite

    def put(self, esm: EsmRow, version: EsmVersionRow) -> None:
        """Index an ESM anew, by its latest version."""
        self.remove(esm)
        texts = text_of(esm, version, self.tags_of(esm))
        self._run(self._words.INSERT, {"id": esm.id, **self._words.values(texts)})

    def tags_of(self, esm: EsmRow) -> Sequence[str]:
        """The tags of an ESM in the order in which they are indexed."""
        tags = select(EsmTagRow.tag).where(col(EsmTagRow.esm_id) == esm.id)
        return self._session.exec(tags.order_by(col(EsmTagRow.tag))).all()

    def remove(self, esm: EsmRow) -> None:
        """Forget an ESM."""
        self.forget(esm.id or 0)

    def forget(self, esm_id: int) -> None:
        """Forget what is indexed under the key of an ESM, which may be gone."""
        self._run(_DELETE, {"id": esm_id})

    def keys(self) -> set[int]:
        """The keys of all ESMs that are indexed."""
        return set(self._run(select(self._words.TEXT.c.rowid)).scalars())

    def holds(self, esm: EsmRow, version: EsmVersionRow) -> bool:
        """Whether an ESM is indexed with the texts that it has now."""
        values = self._words.values(text_of(esm, version, self.tags_of(esm)))
        return self._run(self._words.HOLDS, {"id": esm.id, **values}).first() is not None

    def rebuild(self) -> None:
        """Index everything anew."""
        self._run(text("DELETE FROM esm_text"))
        latest = select(EsmRow, EsmVersionRow).join(
            EsmVersionRow,
            (col(EsmVersionRow.esm_id) == col(EsmRow.id))
            & (col(EsmVersionRow.version) == col(EsmRow.latest_number)),
        )
        for esm, version in self._session.exec(latest.execution_options(yield_per=500)):
            self.put(esm, version)

    def matches(self, words: str) -> ColumnElement[bool]:
        """The condition that an ESM's text holds all words, the last of them as a beginning.

        A number is none: 2 is not the beginning of 2019.

        Raises InvalidInput when there is no word to look for.
        """
        found = select(self._words.TEXT.c.rowid).where(self._words.matched(_words_of(words)))
        return col(EsmRow.id).in_(found)

    def scores(self, words: str, where: Sequence[ColumnElement[bool]]) -> Select[Any, Any]:
        """The `id` and `score` of the ESMs that match and fulfil `where`; the least is best.

        Raises InvalidInput when there is no word to look for.
        """
        wanted, number = _words_of(words), self._words.TEXT.c.rowid
        score = self._words.score(wanted).label("score")
        matching = sa.select(number.label("id"), score).join(EsmRow, col(EsmRow.id) == number)
        return matching.where(self._words.matched(wanted), *where)


def text_of(esm: EsmRow, version: EsmVersionRow, tags: Sequence[str]) -> dict[str, str]:
    """What is indexed of an ESM, by column."""
    task = version.task
    columns = " ".join([*task.get("text_columns", ()), task.get("label_column") or ""])
    return {
        "name": f"{esm.namespace} {esm.name}",
        "task": f"{task['data_set']} {task.get('subset') or ''} {columns}",
        "tags": " ".join(tags),
        "prose": f"{esm.description}\n{version.card}",
    }


def _words_of(string: str) -> list[str]:
    found = _WORD.findall(string)
    if not found:
        raise InvalidInput(
            f"{string[:100]!r} holds no word to search for.", "Search for letters or digits."
        )
    return found
