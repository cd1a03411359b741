"""The sketches of one source, as they lie in the summary of its ESM."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from esm_client.core.errors import InvalidArtifact
from esm_client.core.shield.overlap import Overlap, overlap, similarity
from esm_client.core.shield.sketch import SetSketch
from esm_client.core.shield.texts import RULE, Hashes, row_hashes, text_hashes

ROWS, TEXTS, COUNTS = "source_rows", "source_texts", "source_counts"
TENSORS = {ROWS, TEXTS, COUNTS}
MAX_RULE = 2**16


@dataclass(frozen=True)
class TargetHashes:
    """All hashes of a target's rows and of its single texts; they stay on the user's machine."""

    rows: Hashes
    texts: Hashes

    @classmethod
    def of(cls, rows: Iterable[Sequence[str]]) -> "TargetHashes":
        """The hashes of rows of one or more texts each."""
        known = list(rows)
        return cls(row_hashes(known), text_hashes(known))


@dataclass(frozen=True)
class SourceSketches:
    """Bottom-k sketches of a source's rows and single texts, by the rule they were made with."""

    rows: SetSketch
    texts: SetSketch
    rule: int = RULE

    @classmethod
    def of(cls, rows: Iterable[Sequence[str]]) -> "SourceSketches":
        """The sketches of rows of one or more texts each."""
        known = list(rows)
        return cls(SetSketch.of(row_hashes(known)), SetSketch.of(text_hashes(known)))

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, NDArray[Any]]) -> "SourceSketches | None":
        """Read what `tensors` wrote; None when there is none. Raises InvalidArtifact."""
        if not TENSORS & tensors.keys():
            return None
        counts = tensors.get(COUNTS)
        if counts is None or counts.shape != (3,) or ROWS not in tensors:
            raise InvalidArtifact(
                f"The summary holds {', '.join(sorted(TENSORS & tensors.keys()))} only.",
                f"Write all of {ROWS} and {COUNTS}, or neither.",
            )
        rule, num_rows, num_texts = (int(count) for count in counts)
        if rule > MAX_RULE:
            raise InvalidArtifact(
                f"{COUNTS} in the summary names rule {rule}.", f"This version knows rule {RULE}."
            )
        rows = SetSketch(tensors[ROWS], num_rows)
        texts = SetSketch(tensors[TEXTS], num_texts) if TEXTS in tensors else rows
        return cls(rows, texts, rule)

    def tensors(self) -> dict[str, NDArray[np.uint64]]:
        """uint64 arrays for summary.safetensors; single texts only where rows hold several."""
        counts = np.array([self.rule, self.rows.total, self.texts.total], dtype=np.uint64)
        arrays = {ROWS: self.rows.hashes, COUNTS: counts}
        if not np.array_equal(self.rows.hashes, self.texts.hashes):
            arrays[TEXTS] = self.texts.hashes
        return arrays

    def overlap(self, target: TargetHashes) -> Overlap | None:
        """How much of a target is in here, by rows or by texts, whichever is more.

        None when the sketches were made by another rule, which cannot be compared.
        """
        if self.rule != RULE:
            return None
        found = (overlap(target.rows, self.rows), overlap(target.texts, self.texts))
        return max(found, key=lambda one: (one.is_shared, one.share, one.compared))

    def similarity(self, other: "SourceSketches") -> Overlap | None:
        """How much of the smaller source's rows is in the larger; None for different rules."""
        return similarity(self.rows, other.rows) if self.rule == other.rule else None
