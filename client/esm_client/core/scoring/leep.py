"""Log expected empirical prediction (LEEP)."""

import numpy as np
from numpy.typing import ArrayLike

from esm_client.core.errors import InvalidEmbeddings, InvalidLabels
from esm_client.core.scoring.conditional_entropy import as_numbers
from esm_client.core.scoring.features import as_features

TOLERANCE = 1e-3


def log_expected_empirical_prediction(probabilities: ArrayLike, labels: ArrayLike) -> float:
    """Mean over rows of log sum_z P(label | z) p(z | row) (Nguyen et al. 2020, section 3).

    P(label | z) comes from the empirical joint of target labels and source probabilities. A
    source class to which no row gives any probability says nothing and is left out.

    probabilities: (N, Z), rows that sum to 1: what the source model's head says of its own
    classes. labels: (N,) the target's classes. In nats, 0 is best. Raises InvalidEmbeddings for
    rows that are no probabilities, InvalidLabels for labels that do not fit.

    >>> round(log_expected_empirical_prediction([[1, 0], [1, 0], [0, 1], [0, 1]], [0, 1, 1, 1]), 6)
    -0.346574
    """
    given, target = as_features(probabilities), as_numbers(labels)
    if given.min() < 0 or np.abs(given.sum(axis=1) - 1.0).max() > TOLERANCE:
        raise InvalidEmbeddings(
            "The source model's probabilities do not sum to 1 in every row.",
            "Pass the softmax of its head's outputs, shape (N, Z).",
        )
    if len(given) != len(target):
        raise InvalidLabels(
            f"{len(given)} rows of probabilities do not fit {len(target)} labels.",
            "Pass one label per row.",
        )
    joint = np.eye(target.max() + 1)[target].T @ given / len(target)  # (C, Z)
    mass = joint.sum(axis=0)
    seen = mass > 0
    conditional = joint[:, seen] / mass[seen]
    expected = (conditional[target] * given[:, seen]).sum(axis=1)
    with np.errstate(divide="ignore"):
        return float(np.log(expected).mean())
