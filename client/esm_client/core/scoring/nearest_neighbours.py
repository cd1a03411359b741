"""How well a row's nearest neighbours tell its label."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from esm_client.core.errors import InvalidInput, InvalidLabels
from esm_client.core.scoring.features import as_features, centred, scaled_to_unit
from esm_client.core.scoring.labels import (
    Kind,
    check_kind,
    check_paired,
    class_numbers,
    label_columns,
)

Array = NDArray[np.float64]

NEIGHBOURS = 5
BLOCK_ROWS = 1000
ROUNDING = 1e-11
"""Of inner products, against the largest square of a row: what may seem farther than it is."""


def nearest_neighbour_score(
    features: ArrayLike, labels: ArrayLike, *, kind: Kind, neighbours: int = NEIGHBOURS
) -> float:
    """Leave-one-out quality of k-nearest-neighbour predictions by Euclidean distance.

    Classification: the share of rows whose class has the most votes among the neighbours; of
    classes with as many votes, that of the nearest neighbour. Regression: Pearson's correlation
    of the label with the neighbours' mean, over several label columns the mean; 0 where either
    is constant. Of rows at the same distance the first in order count as nearer.

    features: (N, D); labels: (N,) or, for regression, (N, C). Fewer than `neighbours` other rows
    are all neighbours. Raises InvalidEmbeddings; InvalidLabels for labels that are missing, do
    not fit or are of one row only; InvalidInput for an unknown kind or no neighbours.

    >>> x = [[0.0], [0.1], [0.2], [5.0], [5.1], [5.2]]
    >>> nearest_neighbour_score(x, [0, 0, 0, 1, 1, 0], kind="classification", neighbours=1)
    0.8333333333333334
    """
    check_kind(kind)
    if neighbours < 1:
        raise InvalidInput(f"{neighbours} neighbours tell nothing.", "Use 1 or more.")
    matrix = as_features(features)
    if kind == "classification":
        classes = class_numbers(labels)
        _check_rows(len(classes), len(matrix))
        return float((_elected(classes[_nearest(matrix, neighbours)]) == classes).mean())
    values = scaled_to_unit(label_columns(labels, kind=kind).values, axis=0)
    _check_rows(len(values), len(matrix))
    expected = values[_nearest(matrix, neighbours)].mean(axis=1)
    return float(_correlations(values, expected).mean())


def _check_rows(num_labels: int, num_rows: int) -> None:
    check_paired(num_labels, num_rows)
    if num_rows == 1:
        raise InvalidLabels("A single row has no neighbours.", "Pass two rows or more.")


def _nearest(matrix: Array, neighbours: int) -> NDArray[np.intp]:
    """The nearest other rows (N, neighbours at most) of each, the nearest first.

    Inner products are fast but round, so they only find who may be near; differences tell.
    """
    count = min(neighbours, len(matrix) - 1)
    deviations = centred(scaled_to_unit(matrix))[0]
    varied = deviations.any(axis=0)
    deviations = deviations[:, varied]
    # in C order, so that equal rows' sums round alike
    rows = np.ascontiguousarray(scaled_to_unit(matrix[:, varied]))
    squares = np.einsum("nd,nd->n", deviations, deviations)
    slack = ROUNDING * squares.max()
    found = np.empty((len(matrix), count), dtype=np.intp)
    for start in range(0, len(matrix), BLOCK_ROWS):
        block = deviations[start : start + BLOCK_ROWS]
        distances = squares - 2.0 * block @ deviations.T  # but for the row's own square
        own = np.arange(len(block))
        distances[own, start + own] = np.inf
        farthest = np.partition(distances, count - 1, axis=1)[:, count - 1] + slack
        for row, (distance, limit) in enumerate(zip(distances, farthest, strict=True), start):
            others = np.flatnonzero(distance <= limit)
            gaps = ((rows[others] - rows[row]) ** 2).sum(axis=1)
            found[row] = others[gaps.argsort(kind="stable")[:count]]
    return found


def _elected(classes: NDArray[np.intp]) -> NDArray[np.intp]:
    """The most frequent class (N,) of each row (N, k); of equally frequent ones the first."""
    rows = np.arange(len(classes))
    votes = np.zeros((len(classes), classes.max() + 1), dtype=np.intp)
    for column in classes.T:
        votes[rows, column] += 1
    return classes[rows, votes[rows[:, np.newaxis], classes].argmax(axis=1)]


def _correlations(x: Array, y: Array) -> Array:
    """Pearson's, of each column of (N, C) with the other's; 0 where either is constant."""
    x, y = (scaled_to_unit(centred(columns)[0], axis=0) for columns in (x, y))
    norms = np.linalg.norm(x, axis=0) * np.linalg.norm(y, axis=0)
    return np.divide((x * y).sum(axis=0), norms, out=np.zeros_like(norms), where=norms > 0)
