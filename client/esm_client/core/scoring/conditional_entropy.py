"""Negative conditional entropy of the target's labels given a source model's predictions (NCE)."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from esm_client.core.errors import InvalidLabels


def negative_conditional_entropy(predicted: ArrayLike, labels: ArrayLike) -> float:
    """Minus the empirical H(label | predicted), in nats; 0 is best (Tran et al. 2019, section 4).

    predicted: (N,) the class that the source model predicts for each row, of its own classes.
    labels: (N,) the target's classes. Raises InvalidLabels for other shapes or no rows.

    >>> round(negative_conditional_entropy([0, 0, 1, 1], ["a", "b", "a", "a"]), 6)
    -0.346574
    """
    given, target = as_numbers(predicted), as_numbers(labels)
    if len(given) != len(target):
        raise InvalidLabels(
            f"{len(given)} predictions do not fit {len(target)} labels.", "Pass one per row."
        )
    joint = np.zeros((given.max() + 1, target.max() + 1))
    np.add.at(joint, (given, target), 1.0 / len(target))
    share = joint / joint.sum(axis=1, keepdims=True)
    present = joint > 0
    return float((joint[present] * np.log(share[present])).sum())


def as_numbers(labels: ArrayLike) -> NDArray[np.intp]:
    """Classes (N,) of any type, numbered from 0 without gaps."""
    array = np.asarray(labels)
    if array.ndim != 1 or array.size == 0:
        raise InvalidLabels(
            f"Classes of shape {array.shape} are not one per row.", "Pass an array of shape (N,)."
        )
    return np.unique(array, return_inverse=True)[1].astype(np.intp)
