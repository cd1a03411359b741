"""A labelled text data set in memory."""

from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from esm_client.core.schemas import Kind, SourceTask
from esm_client.lab.encoder import Text


@dataclass(frozen=True)
class TextTask:
    """Texts and labels, row by row, and what they are.

    texts: one string per row, or a pair of strings.
    labels: (N,), integers or strings for classification, float64 for regression.
    kind: "classification" or "regression".
    source_task: what travels with an ESM: names of data set and columns, counts, never rows.
    dropped_rows: rows left out because a text of theirs was empty.
    """

    texts: list[Text]
    labels: NDArray[Any]
    kind: Kind
    source_task: SourceTask
    dropped_rows: int = 0

    @property
    def rows(self) -> list[tuple[str, ...]]:
        """The texts of each row, one or two, for `core.shield`."""
        return [(text,) if isinstance(text, str) else text for text in self.texts]

    def __len__(self) -> int:
        return len(self.texts)
