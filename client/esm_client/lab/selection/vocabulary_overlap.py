"""Vocabulary overlap: whose texts share tokens."""

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from esm_client.core.artifact.summary import pack_vocabulary
from esm_client.core.schemas import SourceKind
from esm_client.lab.selection.candidate import Candidate
from esm_client.lab.selection.method import EVERY
from esm_client.lab.selection.target import TargetTask


class VocabularyOverlap:
    """Jaccard index of the sets of token ids, special tokens included (Schulte et al. 2024)."""

    name: ClassVar[str] = "vocabulary"
    needs: ClassVar[str] = "its vocabulary"
    kinds: ClassVar[frozenset[SourceKind]] = EVERY

    def prepare(self, candidate: Candidate) -> NDArray[np.intp] | None:
        """The token ids that occur, ascending."""
        return candidate.vocabulary

    def num_bytes(self, prepared: NDArray[np.intp]) -> int:
        """Of the bits it is stored as."""
        return pack_vocabulary(prepared).nbytes

    def score(self, prepared: NDArray[np.intp], target: TargetTask) -> float:
        """Tokens in both over tokens in either, from 0 to 1."""
        both = len(np.intersect1d(prepared, target.vocabulary, assume_unique=True))
        either = len(prepared) + len(target.vocabulary) - both
        return both / either if either else 0.0
