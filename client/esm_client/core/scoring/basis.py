"""A target in the basis of its own left singular vectors: what all its maps have in common."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from esm_client.core.scoring.design import TargetDesign
from esm_client.core.scoring.profile import null_evidence
from esm_client.core.scoring.spectrum import unit_columns

Array = NDArray[np.float64]


@dataclass(frozen=True)
class TargetBasis:
    """Features A = S V^T of a target, its labels rotated alike, all scaled to be near one.

    rows A: (k, D), with A A^T diagonal. sigma: (k,), that diagonal, descending from 1.
    constant: (k,), along which a bias moves all rows, or None with intercept. projections:
    (k, C) and residual: (C,), the shares of |y|^2 inside (by direction, as roots) and outside of
    the basis. null: (C,), log evidence of the model without features. num_rows: as in TargetDesign.
    """

    rows: Array
    sigma: Array
    constant: Array | None
    projections: Array
    residual: Array
    null: Array
    num_rows: int

    @staticmethod
    def of(design: TargetDesign) -> "TargetBasis":
        """Rotate a design."""
        labels = unit_columns(design.labels, design.kind, design.num_rows)
        inside, outside = labels[: len(design.features)], labels[len(design.features) :]
        whole = design.constant is not None  # a bias may lie outside of what the features span
        u, s, vt = np.linalg.svd(design.features, full_matrices=whole)
        largest = s[0] if s[0] > 0.0 else 1.0
        projections = u.T @ inside
        outer = ((inside - u @ projections) ** 2).sum(axis=0) + (outside**2).sum(axis=0)
        norms = (projections**2).sum(axis=0) + outer
        rows = np.zeros((u.shape[1], design.features.shape[1]))
        rows[: len(s)] = (s / largest)[:, np.newaxis] * vt[: len(s)]
        sigma = np.zeros(u.shape[1])
        sigma[: len(s)] = (s / largest) ** 2
        return TargetBasis(
            rows,
            sigma,
            None if design.constant is None else u.T @ design.constant / largest,
            projections / np.sqrt(norms),
            outer / norms,
            null_evidence(norms, design.num_rows),
            design.num_rows,
        )

    def score(self, gain: Array) -> Array:
        """Scores (...,) from gains over the null model (..., C): the mean per column and row."""
        best: Array = np.maximum(gain, 0.0) + self.null
        return best.mean(axis=-1) / self.num_rows
