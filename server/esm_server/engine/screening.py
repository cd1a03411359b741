"""A quick estimate of a full map's score, from the target's leading directions alone."""

import numpy as np
from numpy.typing import NDArray

from esm_client.core.errors import InvalidEmbeddings
from esm_client.core.scoring.basis import TargetBasis
from esm_client.core.scoring.profile import maximum_evidence_profile, null_evidence

SCREEN_DIRECTIONS = 64


class Screen:
    """The target cut down to its first directions, in single precision for the large product."""

    def __init__(self, basis: TargetBasis, directions: int = SCREEN_DIRECTIONS) -> None:
        labels = basis.labels
        self._rows = basis.rows[:directions].astype(np.float32)
        self._constant = None if basis.constant is None else basis.constant[:directions]
        self._inside = labels.inside[:directions]
        self._residual = labels.residual + (labels.inside[directions:] ** 2).sum(axis=0)
        self._labels = labels

    def score(self, weight: NDArray[np.floating], bias: NDArray[np.floating]) -> float:
        """An estimate for weight (D, D) and bias (D,); raises InvalidEmbeddings on overflow."""
        features = (self._rows @ weight.T).astype(np.float64)
        if self._constant is not None:
            features += self._constant[:, np.newaxis] * bias
        gram = features @ features.T
        if not np.isfinite(gram).all():
            raise InvalidEmbeddings("The mapped embeddings overflow.")
        sigma, vectors = np.linalg.eigh(gram)
        profile = maximum_evidence_profile(
            np.maximum(sigma, 0.0), vectors.T @ self._inside, self._residual, self._labels.num_rows
        )
        gain = profile.log_evidence - null_evidence(np.ones(1), self._labels.num_rows)
        return float(self._labels.score(gain))
