"""Log expected empirical prediction (LEEP)."""

import numpy as np
from numpy.typing import ArrayLike

from esm_client.core.errors import InvalidEmbeddings
from esm_client.core.scoring.features import as_features
from esm_client.core.scoring.labels import check_paired, class_numbers, class_sums

TOLERANCE = 1e-3
"""How far from 1 a row's sum may be: half precision rounds each probability."""


def log_expected_empirical_prediction(probabilities: ArrayLike, labels: ArrayLike) -> float:
    """Mean over rows of log sum_z P(label | z) p(z | row) (Nguyen et al. 2020, section 3).

    P(label | z) comes from the empirical joint of target labels and source probabilities. A
    source class to which no row gives any probability says nothing and is left out.

    probabilities: (N, Z), what the source model's head says of its own classes. Rows sum to 1,
    to within 1e-3, and are divided by their sums. labels: (N,) the target's classes. In nats, 0
    is best. Raises InvalidEmbeddings for rows that are no probabilities, InvalidLabels for
    labels that are missing or do not fit.

    >>> round(log_expected_empirical_prediction([[1, 0], [1, 0], [0, 1], [0, 1]], [0, 1, 1, 1]), 6)
    -0.346574
    """
    given, target = as_features(probabilities), class_numbers(labels)
    sums = given.sum(axis=1, keepdims=True)
    if given.min() < 0 or np.abs(sums - 1.0).max() > TOLERANCE:
        raise InvalidEmbeddings(
            "The source model's probabilities are negative or do not sum to 1 in every row.",
            "Pass the softmax of its head's outputs, shape (N, Z).",
        )
    check_paired(len(given), len(target), labels="rows of probabilities", rows="labels")
    given = given / sums
    joint = class_sums(given, target)  # (C, Z), N times the empirical joint
    mass = joint.sum(axis=0)
    seen = mass > 0
    conditional = joint[:, seen] / mass[seen]
    # a row is part of what its label's share was counted from, so no expectation is 0
    expected = (conditional[target] * given[:, seen]).sum(axis=1)
    return float(np.log(expected).mean())
