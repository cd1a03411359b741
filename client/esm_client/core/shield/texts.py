"""From rows of texts to sets of 64-bit hashes that survive changed case and white space."""

import hashlib
import unicodedata
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

RULE = 1
"""Version of everything in this file; hashes of different rules never compare."""
MIN_CHARACTERS = 8
"""Shorter texts are left out: "thanks" in two data sets says nothing about a copy."""

Hashes = NDArray[np.uint64]


def normalise(text: str) -> str:
    """Compatibility forms unified (NFKC), case folded, white space collapsed and trimmed."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def row_hashes(rows: Iterable[Sequence[str]]) -> Hashes:
    """Distinct hashes, increasing, of whole rows; a row is its texts, labels do not count."""
    return _hashes("\x1f".join(normalise(text) for text in row) for row in rows)


def text_hashes(rows: Iterable[Sequence[str]]) -> Hashes:
    """The same of the single texts of all rows, so that swapped pairs still meet."""
    return _hashes(normalise(text) for row in rows for text in row)


def _hashes(texts: Iterable[str]) -> Hashes:
    found = {
        hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()
        for text in texts
        if len(text) >= MIN_CHARACTERS
    }
    return np.sort(np.frombuffer(b"".join(found), dtype="<u8").astype(np.uint64))
