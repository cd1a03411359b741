"""TextEmb (Vu et al. 2020, section 4.1): whose texts are alike."""

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from esm_client.core.schemas import SourceKind
from esm_client.lab.selection.candidate import Candidate
from esm_client.lab.selection.method import EVERY
from esm_client.lab.selection.target import TargetTask


class TextEmbedding:
    """Cosine similarity of mean base embeddings, by the pooling of the space."""

    name: ClassVar[str] = "text-embedding"
    needs: ClassVar[str] = "the mean embedding of its texts"
    kinds: ClassVar[frozenset[SourceKind]] = EVERY

    def prepare(self, candidate: Candidate) -> NDArray[Any] | None:
        """The mean (D,)."""
        return candidate.text_embedding

    def num_bytes(self, prepared: NDArray[Any]) -> int:
        """Of the vector."""
        return prepared.nbytes

    def score(self, prepared: NDArray[Any], target: TargetTask) -> float:
        """The cosine, from -1 to 1."""
        mine = target.embeddings.mean(axis=0, dtype=np.float64)
        its = prepared.astype(np.float64)
        norms = float(np.linalg.norm(mine) * np.linalg.norm(its))
        return float(mine @ its) / norms if norms > 0 else 0.0
