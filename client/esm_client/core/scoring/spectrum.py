"""From a matrix of features and one of labels to the mean log evidence per row."""

import numpy as np
from numpy.typing import NDArray

from esm_client.core.errors import InvalidEmbeddings
from esm_client.core.scoring.features import scaled_to_unit
from esm_client.core.scoring.labels import Kind
from esm_client.core.scoring.profile import EvidenceProfile, maximum_evidence_profile

Array = NDArray[np.float64]


def spectral_profile(
    features: Array, labels: Array, *, kind: Kind, num_rows: int
) -> EvidenceProfile:
    """Profile of label columns (m, C) on features (l, D), l <= m.

    Rows are coordinates in any orthonormal basis, of which the features use the
    first l; the rows of `labels` below are the part of the labels outside the span
    of the features and keep the small residuals exact. Regression columns are
    divided by their root mean square over `num_rows`.
    """
    labels = unit_columns(labels, kind, num_rows)
    inside, outside = labels[: len(features)], labels[len(features) :]
    try:
        u, s, _ = np.linalg.svd(scaled_to_unit(features), full_matrices=False)
    except np.linalg.LinAlgError as error:
        raise InvalidEmbeddings(
            "The singular values of the features did not converge.",
            "Check the embeddings for extreme values.",
        ) from error
    projections = u.T @ inside
    # The difference of vectors, not of squared norms, which would lose half the digits.
    rest = inside - u @ projections
    residual = (rest**2).sum(axis=0) + (outside**2).sum(axis=0)
    return maximum_evidence_profile(s**2, projections, residual, num_rows)


def unit_columns(labels: Array, kind: Kind, num_rows: int) -> Array:
    """Regression columns divided by their root mean square over `num_rows`; classes as they are."""
    if kind == "classification":
        return labels
    labels = scaled_to_unit(labels, axis=0)
    return labels * np.sqrt(num_rows / (labels**2).sum(axis=0))


def mean_log_evidence(features: Array, labels: Array, *, kind: Kind, num_rows: int) -> float:
    """The score: mean over columns of the maximised log evidence divided by num_rows."""
    profile = spectral_profile(features, labels, kind=kind, num_rows=num_rows)
    return float(np.mean(profile.log_evidence) / num_rows)
