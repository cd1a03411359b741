"""LogME as the package hf-dataset-selector 0.2 computes it, kept for parity."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from esm_client.core.errors import InvalidEmbeddings, InvalidLabels
from esm_client.core.scoring.features import as_features
from esm_client.core.scoring.labels import Kind, check_paired, label_columns

Array = NDArray[np.float64]

MAX_STEPS = 50
RELATIVE_CHANGE = 1e-3  # of t, at which the fixed point stops
DENOMINATOR_OFFSET = 1e-5
RANK_THRESHOLD = 1e-10  # absolute, on singular values, and only where N > D
MAX_CLASS_ID = 100_000


def published_log_evidence(features: ArrayLike, labels: ArrayLike, *, kind: Kind) -> float:
    """The fixed point of You et al. 2021 (LogME) in its published implementation.

    Classification: integer labels make max + 1 columns, a class that does not occur
    included; other labels are numbered from 0 in sorted order. Its known defects,
    reproduced on purpose: where N < D a term of the evidence is missing, an absent
    class id explodes, and the result depends on the scale of the features. Use it
    to compare with published numbers only.

    Raises InvalidEmbeddings and InvalidLabels as `log_maximum_evidence` does, also
    for negative class ids and where the fixed point ends in no finite number.

    >>> x = np.array([[1.0], [-1.0], [2.0], [-2.0]])
    >>> round(published_log_evidence(x, [1, 0, 1, 0], kind="classification"), 6)
    -1.02953
    """
    matrix = as_features(features)
    columns = _published_columns(labels, kind)
    check_paired(len(columns), len(matrix))
    with np.errstate(all="ignore"):
        u, s = _singular(matrix)
        scores = [_fixed_point(u, s, column, matrix.shape[1]) for column in columns.T]
    score = float(np.mean(scores))
    if not np.isfinite(score):
        raise InvalidEmbeddings(
            f"The published fixed point ends at {score} on these features.",
            'Use variant="exact".',
        )
    return score


def _published_columns(labels: ArrayLike, kind: Kind) -> Array:
    columns = label_columns(labels, kind=kind)
    array: NDArray[Any] = np.asarray(labels)
    array = array.astype(np.int64) if array.dtype.kind == "b" else array
    if kind == "regression" or array.dtype.kind not in "iu":
        return columns.values
    if array.min() < 0 or array.max() > MAX_CLASS_ID:
        bad = array.min() if array.min() < 0 else array.max()
        raise InvalidLabels(
            f"Class id {bad} is not between 0 and {MAX_CLASS_ID}.",
            'Number the classes from 0, or use variant="exact".',
        )
    return np.equal.outer(array, np.arange(int(array.max()) + 1)).astype(np.float64)


def _singular(matrix: Array) -> tuple[Array, Array]:
    """Left singular vectors and singular values, by the Gram matrix where N > D."""
    if len(matrix) <= matrix.shape[1]:
        u, s, _ = np.linalg.svd(matrix, full_matrices=False)
        return u, s
    _, squared, vt = np.linalg.svd(matrix.T @ matrix)
    s = np.sqrt(squared)
    rank = int(np.count_nonzero(s > RANK_THRESHOLD))
    return (matrix @ vt.T)[:, :rank] / s[:rank], s[:rank]


def _fixed_point(u: Array, s: Array, y: Array, dimension: int) -> float:
    num_rows, sigma, squares = len(y), s**2, (u.T @ y) ** 2
    outside = (y**2).sum() - squares.sum()
    alpha = beta = 1.0
    m2 = e2 = 0.0
    for _ in range(MAX_STEPS):
        t = alpha / beta
        gamma = (sigma / (sigma + t)).sum()
        m2 = (sigma * squares / (t + sigma) ** 2).sum()
        e2 = (squares / (1.0 + sigma / t) ** 2).sum() + outside
        alpha = gamma / (m2 + DENOMINATOR_OFFSET)
        beta = (num_rows - gamma) / (e2 + DENOMINATOR_OFFSET)
        if abs(alpha / beta - t) / t <= RELATIVE_CHANGE:
            break
    evidence = (
        dimension / 2.0 * np.log(alpha)
        + num_rows / 2.0 * np.log(beta)
        - 0.5 * np.log(alpha + beta * sigma).sum()
        - beta / 2.0 * e2
        - alpha / 2.0 * m2
        - num_rows / 2.0 * np.log(2.0 * np.pi)
    )
    return float(evidence / num_rows)
