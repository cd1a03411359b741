"""How well a row's nearest neighbours tell its label."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from esm_client.core.errors import InvalidLabels
from esm_client.core.scoring.conditional_entropy import as_numbers
from esm_client.core.scoring.features import as_features
from esm_client.core.scoring.labels import Kind

NEIGHBOURS = 5
BLOCK_ROWS = 1000


def nearest_neighbour_score(
    features: ArrayLike, labels: ArrayLike, *, kind: Kind, neighbours: int = NEIGHBOURS
) -> float:
    """Leave-one-out quality of k-nearest-neighbour predictions by Euclidean distance.

    Classification: the share of rows whose class has the most votes among the neighbours; of
    classes with as many votes, that of the nearer neighbour. Regression: Pearson's correlation
    of the label with the neighbours' mean, over several label columns the mean; 0 where either
    is constant.

    features: (N, D); labels: (N,) or, for regression, (N, C). Fewer than `neighbours` other rows
    are all neighbours. Raises InvalidEmbeddings and InvalidLabels.

    >>> x = [[0.0], [0.1], [0.2], [5.0], [5.1], [5.2]]
    >>> nearest_neighbour_score(x, [0, 0, 0, 1, 1, 0], kind="classification", neighbours=1)
    0.8333333333333334
    """
    matrix = as_features(features)
    count = min(neighbours, len(matrix) - 1)
    values = np.asarray(labels)
    if len(values) != len(matrix) or count < 1:
        raise InvalidLabels(
            f"{len(values)} labels do not fit {len(matrix)} embeddings, or there are too few.",
            "Pass one label per row, of two rows at least.",
        )
    near = _nearest(matrix, count)
    if kind == "classification":
        return _share_of_right(as_numbers(values), near)
    columns = values.astype(np.float64).reshape(len(values), -1)
    return float(np.mean([_correlation(y, y[near].mean(axis=1)) for y in columns.T]))


def _nearest(matrix: NDArray[np.float64], count: int) -> NDArray[np.intp]:
    """The `count` nearest other rows of each, the nearest first."""
    squares = (matrix**2).sum(axis=1)
    found = np.empty((len(matrix), count), dtype=np.intp)
    for start in range(0, len(matrix), BLOCK_ROWS):
        block = slice(start, start + BLOCK_ROWS)
        distances = squares - 2.0 * matrix[block] @ matrix.T  # but for the row's own square
        rows = np.arange(len(distances))
        distances[rows, start + rows] = np.inf
        near = np.argpartition(distances, count - 1, axis=1)[:, :count]
        order = np.take_along_axis(distances, near, axis=1).argsort(axis=1, kind="stable")
        found[block] = np.take_along_axis(near, order, axis=1)
    return found


def _share_of_right(classes: NDArray[np.intp], near: NDArray[np.intp]) -> float:
    votes = np.zeros((len(near), classes.max() + 1))
    for place, column in enumerate(near.T):
        # a hair more for the nearer, which decides between equal votes
        weight = 1.0 + 1e-6 * (1.0 - place / near.shape[1])
        np.add.at(votes, (np.arange(len(near)), classes[column]), weight)
    return float((votes.argmax(axis=1) == classes).mean())


def _correlation(x: NDArray[np.float64], y: NDArray[np.float64]) -> float:
    x, y = x - x.mean(), y - y.mean()
    norms = float(np.linalg.norm(x) * np.linalg.norm(y))
    return float(x @ y) / norms if norms > 0 else 0.0
