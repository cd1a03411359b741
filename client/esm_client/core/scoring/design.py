"""A target's features and labels as coordinates, and the score of one map after another."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from esm_client.core.errors import InvalidEmbeddings
from esm_client.core.scoring.labels import Kind
from esm_client.core.scoring.spectrum import mean_log_evidence

Array = NDArray[np.float64]


@dataclass(frozen=True)
class TargetDesign:
    """Features and labels in one orthonormal basis of the rows, in which nothing is lost.

    features: (l, D). labels: (m, C), m at least l; the rows below the l-th lie outside of what
    any affine map of the features can reach. constant: (l,), along which a bias moves all rows,
    or None with intercept, where it moves none. num_rows: N, or N - 1 with intercept.
    """

    kind: Kind
    features: Array
    labels: Array
    constant: Array | None
    num_rows: int

    def mean_log_evidence(self, weight: Array | None = None, bias: Array | None = None) -> float:
        """Score of the features X W^T + b (D_out, D), (D_out,), or of X itself.

        Raises InvalidEmbeddings if they overflow.
        """
        features = self.features
        if weight is not None:
            with np.errstate(over="ignore", invalid="ignore"):
                features = features @ weight.T
                if bias is not None and self.constant is not None:
                    features = features + self.constant[:, np.newaxis] * bias
        if not bool(np.isfinite(features).all()):
            raise InvalidEmbeddings(
                "The mapped embeddings overflow.", "Check the map for extreme weights."
            )
        return mean_log_evidence(features, self.labels, kind=self.kind, num_rows=self.num_rows)
