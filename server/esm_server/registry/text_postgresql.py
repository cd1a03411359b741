"""Words in PostgreSQL: a tsvector of the words that FTS5 would find.

Texts are taken apart here and not by PostgreSQL, whose parser knows hosts, paths and numbers and
would find other words in `team/news-2.1` than SQLite does.
"""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Double, cast, column, func, literal_column, table, text

TEXT = table("esm_text", column("rowid"), column("words"))
INSERT = text("INSERT INTO esm_text (rowid, words) VALUES (:id, CAST(:words AS tsvector))")
HOLDS = text("SELECT 1 FROM esm_text WHERE rowid = :id AND words = CAST(:words AS tsvector)")
WEIGHTS = "'{0.1, 0.5, 0.5, 1.0}'::float4[]"
"""Of the labels D (prose), C (tags), B (task) and A (name)."""
_LABELS = {"name": "A", "task": "B", "tags": "C", "prose": "D"}
_BY_LENGTH = 1
"""A match counts for less in a long text, by the logarithm."""
_LAST_POSITION, _MOST_POSITIONS, _LONGEST_WORD = 16_383, 255, 500
"""What a tsvector holds; beyond it a word is still found, but not the words next to it."""
_WORD = re.compile(r"[^\W_]+")
_FINAL_SIGMA, _SIGMA = "\u03c2", "\u03c3"
_DIACRITICS = re.compile("[\u0300-\u036f]")
_ACCENTED = re.compile("([a-z])[\u0300-\u036f]+")
"""FTS5 knows the letters under the accents of the Latin alphabet alone."""


def values(texts: Mapping[str, str]) -> dict[str, Any]:
    """What INSERT stores of an ESM's texts, besides its id."""
    places: dict[str, list[str]] = {}
    position = 0
    for name, label in _LABELS.items():
        for word in folded(texts[name]):
            position = min(position + 1, _LAST_POSITION)
            own = places.setdefault(word, [])
            if len(own) < _MOST_POSITIONS:
                own.append(f"{position}{label}")
        position += 1  # the last word of one text is no neighbour of the first of the next
    return {"words": " ".join(f"'{word}':{','.join(own)}" for word, own in places.items())}


def folded(string: str) -> list[str]:
    """The words of a text as FTS5's unicode61 sees them: small letters without diacritics."""
    small = _DIACRITICS.sub("", string.lower().replace(_FINAL_SIGMA, _SIGMA))
    plain = _ACCENTED.sub(r"\1", unicodedata.normalize("NFD", small))
    return [word[:_LONGEST_WORD] for word in _WORD.findall(unicodedata.normalize("NFC", plain))]


def matched(words: Sequence[str]) -> ColumnElement[bool]:
    """Whether a row of TEXT holds all words, the last of them as a beginning unless a number."""
    return TEXT.c.words.op("@@", is_comparison=True)(_query(words))


def score(words: Sequence[str]) -> ColumnElement[Any]:
    """How well a row of TEXT matches; the least is best."""
    weights: ColumnElement[Any] = literal_column(WEIGHTS)
    rank: ColumnElement[Any] = func.ts_rank(weights, TEXT.c.words, _query(words), _BY_LENGTH)
    return -cast(rank, Double)


def _query(words: Sequence[str]) -> ColumnElement[Any]:
    """One word may be several to the index, as `a_b` is, which then stand side by side."""
    from sqlalchemy.dialects.postgresql import TSQUERY  # not for those who have SQLite

    *whole, last = [" <-> ".join(f"'{part}'" for part in folded(word)) for word in words]
    parts = [*whole, last if not last or words[-1].isdecimal() else f"{last}:*"]
    return cast(" & ".join(f"({part})" for part in parts if part), TSQUERY)
