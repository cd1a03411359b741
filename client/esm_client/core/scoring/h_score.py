"""H-score with a shrunk covariance."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from esm_client.core.errors import InvalidLabels
from esm_client.core.scoring.conditional_entropy import as_numbers
from esm_client.core.scoring.features import as_features, centred, scaled_to_unit

Array = NDArray[np.float64]


def h_score(features: ArrayLike, labels: ArrayLike) -> float:
    """How far class means lie apart, against all variation: higher is better.

    (1 - a) tr(S^-1 B) with B the covariance of the class means and S = (1 - a) C + a tr(C)/D I
    the features' covariance C, shrunk by Ledoit and Wolf's a (Bao et al. 2019; Ibrahim et al.
    2021, section 3.2), so that fewer rows than dimensions do no harm. Not changed by scale or
    rotation of the features.

    features: (N, D); labels: (N,) classes. Raises InvalidEmbeddings, and InvalidLabels for
    labels that do not fit or do not vary.

    >>> x = [[1.0, 0.2], [-1.0, 0.1], [2.0, -0.3], [-2.1, 0.0]]
    >>> round(h_score(x, [1, 0, 1, 0]), 6)
    0.790111
    """
    matrix, classes = centred(scaled_to_unit(as_features(features)))[0], as_numbers(labels)
    if len(matrix) != len(classes):
        raise InvalidLabels(
            f"{len(classes)} labels do not fit {len(matrix)} embeddings.", "Pass one per row."
        )
    counts = np.bincount(classes)
    if len(counts) < 2:
        raise InvalidLabels("All labels are the same.", "There is nothing to tell apart.")
    sums = np.zeros((len(counts), matrix.shape[1]))
    np.add.at(sums, classes, matrix)
    means = sums / counts[:, np.newaxis]
    shrinkage, shrunk = shrunk_covariance(matrix)
    if not shrunk.any():
        return 0.0
    solved = np.linalg.solve(shrunk, means.T)  # (D, C)
    return float((1.0 - shrinkage) * (counts / len(matrix)) @ (means.T * solved).sum(axis=0))


def shrunk_covariance(centred_features: Array) -> tuple[float, Array]:
    """Ledoit and Wolf's (2004) share of the identity, and the covariance shrunk by it."""
    x = centred_features
    num_rows, dimension = x.shape
    covariance = x.T @ x / num_rows
    level = float(np.trace(covariance)) / dimension
    squares = float((covariance**2).sum())
    spread = squares - dimension * level**2
    # sum over rows of |x x^T - C|^2, without forming them
    noise = (float(((x**2).sum(axis=1) ** 2).sum()) / num_rows - squares) / num_rows
    shrinkage = 1.0 if spread <= 0 else min(1.0, max(0.0, noise / spread))
    shrunk = (1.0 - shrinkage) * covariance
    shrunk[np.diag_indices(dimension)] += shrinkage * level
    return shrinkage, shrunk
