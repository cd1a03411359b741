"""From rows of texts to sets of 64-bit hashes that survive another case, spacing, punctuation.

Measured by tests/bench/shield.py on 170 public tasks: with the punctuation removed, reviews that
two collections split into words in their own ways are recognised, 8 pairs of tasks more and none
of them by chance; removing addresses and @names too finds no further one.
"""

import hashlib
import unicodedata
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

RULE = 1
"""Version of everything in this file; hashes of different rules never compare."""
MIN_CHARACTERS = 8
"""Shorter texts are left out: "thanks" in two data sets says nothing about a copy."""
_REMOVED = ("P", "Z", "Cc", "Cf", "Cs", "Sk")
"""Unicode categories of punctuation, white space, invisible and broken characters, and lone
accents. Letters, digits, marks, emoji and mathematical signs stay."""

Hashes = NDArray[np.uint64]


class _Table(dict[int, int | None]):
    """What `str.translate` makes of a character, looked up once each."""

    def __missing__(self, code: int) -> int | None:
        removed = unicodedata.category(chr(code)).startswith(_REMOVED)
        self[code] = None if removed else code
        return self[code]


_TABLE = _Table()


def normalise(text: str) -> str:
    """Compatibility forms unified (NFKC), case folded, white space and punctuation removed."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return unicodedata.normalize("NFKC", folded.translate(_TABLE))


def row_hashes(rows: Iterable[Sequence[str]]) -> Hashes:
    """Distinct hashes, increasing, of whole rows; a row is its texts, labels do not count.

    A string is a row of one text.
    """
    return _hashes("\x1f".join(normalise(text) for text in _texts(row)) for row in rows)


def text_hashes(rows: Iterable[Sequence[str]]) -> Hashes:
    """The same of the single texts of all rows, so that swapped pairs still meet."""
    return _hashes(normalise(text) for row in rows for text in _texts(row))


def _texts(row: Sequence[str]) -> Sequence[str]:
    return (row,) if isinstance(row, str) else row


def _hashes(texts: Iterable[str]) -> Hashes:
    found = {
        hashlib.blake2b(text.encode(), digest_size=8).digest()
        for text in texts
        if len(text) >= MIN_CHARACTERS
    }
    return np.sort(np.frombuffer(b"".join(found), dtype="<u8").astype(np.uint64))
