"""H-score with a shrunk covariance."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from esm_client.core.scoring.features import as_features, centred, scaled_to_unit
from esm_client.core.scoring.labels import (
    check_paired,
    class_numbers,
    class_sums,
    nothing_to_explain,
)

Array = NDArray[np.float64]

LEAST_SHRINKAGE = 1e-10
"""So that a direction in which no row varies can be divided by; it moves a score by as little."""


def h_score(features: ArrayLike, labels: ArrayLike) -> float:
    """How far class means lie apart, against all variation: higher is better.

    (1 - a) tr(S^-1 B) with B the covariance of the class means and S = (1 - a) C + a tr(C)/D I
    the features' covariance C, shrunk by Ledoit and Wolf's a (Bao et al. 2019; Ibrahim et al.
    2021, section 3.2), so that fewer rows than dimensions do no harm. Between 0, as for features
    that do not vary, and the number of classes less one. Not changed by shift, scale or rotation
    of the features.

    features: (N, D); labels: (N,) classes. Raises InvalidEmbeddings, and InvalidLabels for
    labels that are missing, do not fit or do not vary.

    >>> x = [[1.0, 0.2], [-1.0, 0.1], [2.0, -0.3], [-2.1, 0.0]]
    >>> round(h_score(x, [1, 0, 1, 0]), 6)
    0.790111
    """
    matrix, classes = as_features(features), class_numbers(labels)
    check_paired(len(classes), len(matrix))
    counts = np.bincount(classes)
    if len(counts) < 2:
        raise nothing_to_explain("only one class occurs")
    # to one scale before the means, lest they overflow, and after, lest what is left vanishes
    matrix = scaled_to_unit(centred(scaled_to_unit(matrix))[0])
    means = class_sums(matrix, classes) / counts[:, np.newaxis]
    shrinkage, shrunk = shrunk_covariance(matrix)
    if not shrunk.any():
        return 0.0
    solved = np.linalg.solve(shrunk, means.T)  # (D, C)
    return float((1.0 - shrinkage) * (counts / len(matrix)) @ (means.T * solved).sum(axis=0))


def shrunk_covariance(centred_features: Array) -> tuple[float, Array]:
    """Ledoit and Wolf's (2004) share of the identity, and the covariance shrunk by it.

    One dimension has nothing to shrink towards, and two or more that vary alike have nothing
    else; no share is less than LEAST_SHRINKAGE.
    """
    x = centred_features
    num_rows, dimension = x.shape
    covariance = x.T @ x / num_rows
    level = float(np.trace(covariance)) / dimension
    identity = level * np.eye(dimension)
    spread = float(((covariance - identity) ** 2).sum())
    # mean over rows of |x x^T - C|^2, without forming them, over N
    fourth = float((np.einsum("nd,nd->n", x, x) ** 2).mean())
    noise = (fourth - float((covariance**2).sum())) / num_rows
    shrinkage = 0.0 if dimension == 1 else 1.0 if noise >= spread else noise / spread
    shrinkage = max(LEAST_SHRINKAGE, shrinkage)
    return shrinkage, (1.0 - shrinkage) * covariance + shrinkage * identity
