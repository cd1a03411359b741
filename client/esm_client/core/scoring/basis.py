"""A target in the basis of its own left singular vectors: what all its maps have in common."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from esm_client.core.scoring.design import TargetDesign
from esm_client.core.scoring.profile import null_evidence
from esm_client.core.scoring.spectrum import unit_columns

Array = NDArray[np.float64]


@dataclass(frozen=True)
class TargetLabels:
    """Label columns of norm one, in coordinates that the features use or not.

    inside: (k, C). residual: (C,), the share of |y|^2 outside. null: (C,), log evidence of the
    model without features. num_rows: as in TargetDesign.
    """

    inside: Array
    residual: Array
    null: Array
    num_rows: int

    @staticmethod
    def of(design: TargetDesign) -> "TargetLabels":
        """In the coordinates of the design."""
        labels = unit_columns(design.labels, design.kind, design.num_rows)
        length = len(design.features)
        return _shares(labels[:length], (labels[length:] ** 2).sum(axis=0), design.num_rows)

    def rotated(self, u: Array) -> "TargetLabels":
        """In those of the orthonormal columns u (l, k); what these miss joins the residual."""
        inside = u.T @ self.inside
        missed = ((self.inside - u @ inside) ** 2).sum(axis=0)
        return TargetLabels(inside, self.residual + missed, self.null, self.num_rows)

    def score(self, gain: Array) -> Array:
        """Scores (...,) from gains over the null model (..., C): the mean per column and row."""
        best: Array = np.maximum(gain, 0.0) + self.null
        return best.mean(axis=-1) / self.num_rows


@dataclass(frozen=True)
class TargetBasis:
    """Features A = S V^T of a target, scaled to have a largest singular value of one.

    rows A: (k, D), with A A^T diagonal. read: (k, Z), the features that maps read, of which A are
    the first D. sigma: (k,), that diagonal, descending. constant: (k,), along which a bias moves
    all rows, or None with intercept.
    """

    rows: Array
    read: Array
    sigma: Array
    constant: Array | None
    labels: TargetLabels

    @staticmethod
    def of(design: TargetDesign, dimension: int | None = None) -> "TargetBasis":
        """Rotate a design, whose first `dimension` features are x; by default all."""
        base = design.features[:, :dimension]
        # what moves a row beside x may lie outside of what x spans
        is_wide = base.shape != design.features.shape
        whole = is_wide or design.constant is not None
        u, s, vt = np.linalg.svd(base, full_matrices=whole)
        largest = s[0] if s[0] > 0.0 else 1.0
        rows = np.zeros((u.shape[1], base.shape[1]))
        rows[: len(s)] = (s / largest)[:, np.newaxis] * vt[: len(s)]
        read = np.hstack([rows, u.T @ design.features[:, base.shape[1] :] / largest])
        sigma = np.zeros(u.shape[1])
        sigma[: len(s)] = (s / largest) ** 2
        constant = None if design.constant is None else u.T @ design.constant / largest
        labels = TargetLabels.of(design).rotated(u)
        return TargetBasis(rows, read if is_wide else rows, sigma, constant, labels)


def _shares(inside: Array, outside: Array, num_rows: int) -> TargetLabels:
    norms = (inside**2).sum(axis=0) + outside
    return TargetLabels(
        inside / np.sqrt(norms), outside / norms, null_evidence(norms, num_rows), num_rows
    )
