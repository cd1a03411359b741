"""How well a fine-tuned model does on held-out rows."""

import numpy as np
from numpy.typing import ArrayLike, NDArray


def accuracy(predicted: ArrayLike, labels: ArrayLike) -> float:
    """Share of equal entries of two arrays (N,)."""
    return float(np.equal(predicted, labels).mean())


def mean_correlation(predicted: ArrayLike, labels: ArrayLike) -> float:
    """Mean of Pearson's and Spearman's correlation of two arrays (N,) (Vu et al. 2020).

    Zero where either array is constant, for which neither correlation is defined.

    >>> round(mean_correlation([1.0, 2.0, 4.0], [1.0, 2.0, 3.0]), 4)
    0.991
    """
    x, y = np.asarray(predicted, np.float64), np.asarray(labels, np.float64)
    return (_pearson(x, y) + _pearson(_ranks(x), _ranks(y))) / 2


def _pearson(x: NDArray[np.float64], y: NDArray[np.float64]) -> float:
    x, y = x - x.mean(), y - y.mean()
    norms = float(np.linalg.norm(x) * np.linalg.norm(y))
    return float(x @ y) / norms if norms > 0 else 0.0


def _ranks(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Ranks from 1, ties sharing the mean of theirs."""
    _, inverse, counts = np.unique(x, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return (last - (counts - 1) / 2)[inverse]
