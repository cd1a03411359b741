"""A labelled text data set in memory."""

from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from esm_client.core.errors import InvalidInput
from esm_client.core.schemas import Kind, SourceKind, SourceTask
from esm_client.lab.encoder import Text


@dataclass(frozen=True)
class TextTask:
    """Texts and labels, row by row, and what they are.

    texts: one string per row, or a pair of strings.
    labels: by kind.
        classification: (N,) integers or strings; regression: (N,) float64.
        question-answering: int64 (N, 2), characters from and to in the second text, -1 for none.
        sequence-labelling: (N,) objects, one tuple of tags per row, one tag for each word
        between blanks.
    source_task: what travels with an ESM: names of data set and columns, counts, never rows.
    dropped_rows: rows left out because a text was empty or a label missing.
    notes: what a person should know of how it was read, a sentence each.
    """

    texts: list[Text]
    labels: NDArray[Any]
    kind: SourceKind
    source_task: SourceTask
    dropped_rows: int = 0
    notes: tuple[str, ...] = ()

    @property
    def rows(self) -> list[tuple[str, ...]]:
        """The texts of each row, one or two, for `core.shield`."""
        return [(text,) if isinstance(text, str) else text for text in self.texts]

    @property
    def target_kind(self) -> Kind:
        """The kind, where sources can be ranked for it; else InvalidInput."""
        if self.kind == "classification" or self.kind == "regression":
            return self.kind
        raise InvalidInput(
            f"Sources cannot be ranked for a {self.kind} target by its labels.",
            "Give a classification or regression data set.",
        )

    def __len__(self) -> int:
        return len(self.texts)
