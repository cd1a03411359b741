"""Full text of ESMs: SQLite's FTS5 over names, tasks, tags, descriptions and cards.

The table `esm_text` is derived from SQL alone and can be rebuilt; its rowids are ids of ESMs.
"""

import re
from collections.abc import Sequence

from sqlalchemy import ColumnElement, column, table, text
from sqlmodel import Session, col, select

from esm_client.core.errors import InvalidInput
from esm_server.db import EsmRow, EsmTagRow, EsmVersionRow

WEIGHTS = "10.0, 5.0, 5.0, 1.0"
"""Of name, task, tags and prose in the relevance (bm25) of a match."""
_DELETE = text("DELETE FROM esm_text WHERE rowid = :id")
_INSERT = text(
    "INSERT INTO esm_text (rowid, name, task, tags, prose) "
    "VALUES (:id, :name, :task, :tags, :prose)"
)
_HOLDS = text(
    "SELECT 1 FROM esm_text WHERE rowid = :id AND name = :name AND task = :task "
    "AND tags = :tags AND prose = :prose"
)
TEXT = table("esm_text", column("rowid"), column("esm_text"))
_WORD = re.compile(r"\w+")


class TextIndex:
    """The text of all ESMs within one transaction."""

    def __init__(self, session: Session) -> None:
        self._run = session.connection().execute
        self._session = session

    def put(self, esm: EsmRow, version: EsmVersionRow) -> None:
        """Index an ESM anew, by its latest version."""
        self.remove(esm)
        values = {"id": esm.id, **text_of(esm, version, self.tags_of(esm))}
        self._run(_INSERT, values)

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
        return set(self._run(select(TEXT.c.rowid)).scalars())

    def holds(self, esm: EsmRow, version: EsmVersionRow) -> bool:
        """Whether an ESM is indexed with the texts that it has now."""
        values = {"id": esm.id, **text_of(esm, version, self.tags_of(esm))}
        return self._run(_HOLDS, values).first() is not None

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


def matches(words: str) -> ColumnElement[bool]:
    """The condition that an ESM's text holds all words, the last of them as a beginning.

    Raises InvalidInput when there is no word to look for.
    """
    expression = match_expression(words)
    found = select(TEXT.c.rowid).where(TEXT.c.esm_text.op("MATCH")(expression))
    return col(EsmRow.id).in_(found)


def match_expression(words: str) -> str:
    """An FTS5 query that no text of a user can break: quoted words, joined by `and`."""
    found = _WORD.findall(words)
    if not found:
        raise InvalidInput(
            f"{words[:100]!r} holds no word to search for.", "Search for letters or digits."
        )
    return " ".join(f'"{word}"' for word in found) + "*"
