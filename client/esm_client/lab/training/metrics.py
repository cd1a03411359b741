"""How well a fine-tuned model does on held-out rows."""

from collections.abc import Sequence

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


def tag_score(
    truth: Sequence[Sequence[str]], predicted: Sequence[Sequence[str]]
) -> tuple[str, float]:
    """Name and value of the metric of tagged words, row by row.

    F1 of whole spans where any tag starts with "B-" or "I-" (as conlleval counts them), else
    the share of right tags.

    >>> tag_score([["B-X", "I-X", "O", "B-Y"]], [["B-X", "I-X", "O", "O"]])
    ('F1 of spans', 0.6666666666666666)
    """
    if not any(tag.startswith(("B-", "I-")) for row in truth for tag in row):
        pairs = [zip(*rows, strict=True) for rows in zip(truth, predicted, strict=True)]
        right = [a == b for pair in pairs for a, b in pair]
        return "accuracy of tags", float(np.mean(right)) if right else 0.0
    found = [_spans(row) for row in predicted]
    real = [_spans(row) for row in truth]
    shared = sum(len(a & b) for a, b in zip(real, found, strict=True))
    total = sum(map(len, real)) + sum(map(len, found))
    return "F1 of spans", 2 * shared / total if total else 0.0


def _spans(tags: Sequence[str]) -> set[tuple[int, int, str]]:
    """Spans as (first, last, type); an I- that continues nothing starts a span of its own."""
    spans: set[tuple[int, int, str]] = set()
    start, kind = 0, ""
    for place, tag in enumerate([*tags, "O"]):
        prefix, _, name = tag.partition("-")
        if kind and (prefix != "I" or name != kind):
            spans.add((start, place - 1, kind))
            kind = ""
        if prefix in ("B", "I") and name and not kind:
            start, kind = place, name
    return spans
