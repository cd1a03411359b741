"""Standard errors of scores from sketches of random folds of the target (Efron 1982, section 3)."""

from collections.abc import Sequence
from itertools import accumulate
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from esm_client.core.errors import InvalidInput, InvalidLabels, InvalidSketch
from esm_client.core.scoring.features import as_features
from esm_client.core.scoring.labels import Kind, label_columns
from esm_client.core.scoring.margin import SURE_ERRORS
from esm_client.core.scoring.sketch import TargetSketch
from esm_client.core.scoring.views import Views

Array = NDArray[np.float64]

FOLDS = 10
ROUNDING = 1e-12
"""By which scores of equal maps may differ."""


def fold_sketches(
    embeddings: ArrayLike,
    labels: ArrayLike,
    *,
    kind: Kind,
    folds: int = FOLDS,
    views: Views | None = None,
    seed: int = 42,
) -> list[TargetSketch]:
    """Sketches of random folds of (N, Z) embeddings and their labels, classes spread evenly.

    They add up to the sketch of all rows, and reveal more than it: each holds sums over a tenth
    of the rows. Raises InvalidInput for fewer rows than folds, InvalidLabels for a class of one
    row, and what the sketch raises.
    """
    matrix, values = as_features(embeddings), np.asarray(labels)
    if not 2 <= folds <= len(matrix):
        raise InvalidInput(
            f"{folds} folds do not fit {len(matrix)} rows.",
            "Use 2 folds or more, of 1 row or more.",
        )
    columns = label_columns(values, kind=kind)
    order = np.random.default_rng(seed).permutation(len(matrix))
    if kind == "classification":  # one class after the other, dealt out like cards
        order = order[np.argsort(columns.values.argmax(axis=1)[order], kind="stable")]
    names: Any = columns.class_names if kind == "classification" else None
    found: list[TargetSketch] = []
    for start in range(folds):
        rows = np.sort(order[start::folds])
        dimension = matrix.shape[1] - (views.count if views else 0)
        sketch = TargetSketch(dimension, kind=kind, class_names=names, views=views)
        sketch.update(matrix[rows], values[rows])
        found.append(sketch)
    check_folds(found)
    return found


def check_folds(folds: Sequence[TargetSketch]) -> None:
    """Raise InvalidSketch for a single fold, InvalidLabels where leaving one out loses a class."""
    if len(folds) < 2:
        raise InvalidSketch("One fold leaves nothing when it is left out.", "Send two or more.")
    occurs = np.array([fold.class_counts for fold in folds], dtype=np.int64) > 0
    lonely = np.flatnonzero(occurs.sum(axis=0) == 1)
    if lonely.size:
        column, names = int(lonely[0]), folds[0].class_names
        name = names[column][:80] if names else f"#{column}"
        raise InvalidLabels(
            f"The class {name!r} lies in one fold alone: without that fold it is another target.",
            "Merge classes of one row with others, or rank without standard errors.",
        )


def left_out(folds: Sequence[TargetSketch]) -> list[TargetSketch]:
    """The sketch of all folds but the i-th, for every i; raises as `check_folds` does."""
    check_folds(folds)
    before = list(accumulate(folds[:-1], TargetSketch.merge))
    after = list(accumulate(folds[:0:-1], TargetSketch.merge))[::-1]
    between = [one.merge(other) for one, other in zip(before, after[1:], strict=False)]
    return [after[0], *between, before[-1]]


def standard_errors(scores: Array) -> Array:
    """Standard errors (n,) of n scores, given them with one fold left out (m, n) each time.

    >>> standard_errors(np.array([[1.0, 2.0], [1.0, 2.2], [1.0, 2.4]])).round(4).tolist()
    [0.0, 0.2309]
    """
    folds = len(scores)
    spread = ((scores - scores.mean(axis=0)) ** 2).sum(axis=0)
    return np.sqrt((folds - 1) / folds * spread)


def surely_better(scores: Array, without: Array) -> NDArray[np.bool_]:
    """Which of n maps (n, n) is better than which, by SURE_ERRORS errors of their difference.

    scores (n,): of all rows; without (m, n): with one fold left out each time.
    """
    count = len(scores)
    gaps = without[:, :, np.newaxis] - without[:, np.newaxis, :]
    errors = standard_errors(gaps.reshape(len(without), -1)).reshape(count, count)
    ahead = scores[:, np.newaxis] - scores
    return ahead > SURE_ERRORS * errors + ROUNDING


def rank_ranges(better: NDArray[np.bool_]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Lowest and highest rank (n,), from 1, of n maps of which `better` (n, n) tells what is sure.

    >>> low, high = rank_ranges(np.array([[False, True], [False, False]]))
    >>> low.tolist(), high.tolist()
    ([1, 2], [1, 2])
    """
    return 1 + better.sum(axis=0), len(better) - better.sum(axis=1)
