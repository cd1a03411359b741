"""Negative conditional entropy of the target's labels given a source model's predictions (NCE)."""

import numpy as np
from numpy.typing import ArrayLike

from esm_client.core.scoring.labels import check_paired, class_numbers


def negative_conditional_entropy(predicted: ArrayLike, labels: ArrayLike) -> float:
    """Minus the empirical H(label | predicted), in nats; 0 is best (Tran et al. 2019, section 4).

    predicted: (N,) the class that the source model predicts for each row, of its own classes.
    labels: (N,) the target's classes. Both may be numbers, strings or booleans. Raises
    InvalidLabels for missing classes, other shapes, no rows or unequal numbers of them.

    >>> round(negative_conditional_entropy([0, 0, 1, 1], ["a", "b", "a", "a"]), 6)
    -0.346574
    """
    given, target = class_numbers(predicted), class_numbers(labels)
    check_paired(len(given), len(target), labels="predictions", rows="labels")
    num_classes = int(target.max()) + 1
    # only pairs that occur: a table of all would not fit where there are many classes
    pairs, together = np.unique(given * num_classes + target, return_counts=True)
    alone = np.bincount(given)[pairs // num_classes]
    return float((together * np.log(together / alone)).sum() / len(target))
