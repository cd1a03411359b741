"""Words in SQLite: FTS5 takes texts apart, and weighs what it finds by bm25."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Float, column, literal_column, table, text

TEXT = table("esm_text", column("rowid"), column("esm_text"))
INSERT = text(
    "INSERT INTO esm_text (rowid, name, task, tags, prose) "
    "VALUES (:id, :name, :task, :tags, :prose)"
)
HOLDS = text(
    "SELECT 1 FROM esm_text WHERE rowid = :id AND name = :name AND task = :task "
    "AND tags = :tags AND prose = :prose"
)
WEIGHTS = "10.0, 5.0, 5.0, 1.0"
"""Of name, task, tags and prose."""


def values(texts: Mapping[str, str]) -> dict[str, Any]:
    """What INSERT stores of an ESM's texts, besides its id."""
    return dict(texts)


def matched(words: Sequence[str]) -> ColumnElement[bool]:
    """Whether a row of TEXT holds all words, the last of them as a beginning unless a number."""
    beginning = "" if words[-1].isdecimal() else "*"
    # quoted words, joined by `and`: nothing that a user writes can break it
    return TEXT.c.esm_text.op("MATCH")(" ".join(f'"{word}"' for word in words) + beginning)


def score(words: Sequence[str]) -> ColumnElement[Any]:  # noqa: ARG001
    """How well a row of TEXT matches; the least is best."""
    return literal_column(f"bm25(esm_text, {WEIGHTS})", Float)
