"""The token ids of many texts in one array: a twentieth of what lists of numbers take."""

from collections.abc import Callable, Iterable, Sequence

import numpy as np
from numpy.typing import NDArray


class TokenStore:
    """Rows of token ids, of different lengths."""

    def __init__(self, rows: Iterable[Sequence[int]]) -> None:
        arrays = [np.asarray(row, dtype=np.int32) for row in rows]
        self._starts = np.cumsum([0, *(len(array) for array in arrays)])
        self._ids = np.concatenate(arrays) if arrays else np.empty(0, dtype=np.int32)

    @classmethod
    def of(cls, texts: list[str], tokenise: Callable[[list[str]], list[list[int]]]) -> "TokenStore":
        """Tokenise in blocks, so that the lists of all rows never exist at once."""
        blocks = (texts[start : start + 1000] for start in range(0, len(texts), 1000))
        return cls(_packed(row) for block in blocks for row in tokenise(block))

    def __getitem__(self, row: int) -> list[int]:
        return self._ids[self._starts[row] : self._starts[row + 1]].tolist()

    def distinct(self) -> NDArray[np.intp]:
        """The ids that occur in any row, ascending."""
        return np.unique(self._ids).astype(np.intp)

    def to_bytes(self) -> bytes:
        """Lengths and ids, the same on every machine."""
        return self._starts.astype("<i8").tobytes() + self._ids.astype("<i4").tobytes()

    def __len__(self) -> int:
        return len(self._starts) - 1


def _packed(row: list[int]) -> Sequence[int]:
    return np.asarray(row, dtype=np.int32)  # pyright: ignore[reportReturnType]
