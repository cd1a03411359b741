"""The scores that one selection method gives the sources of a pool."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class MethodScores:
    """One method's scores of n sources, and what they cost.

    scores: (n,), NaN where there is none; reasons say why, by source. prepare_seconds, seconds:
    (n,) spent on each in phase 1 and 2, whatever was computed before left out. num_bytes: (n,) of
    what phase 1 keeps.
    """

    method: str
    scores: NDArray[np.float64]
    prepare_seconds: NDArray[np.float64]
    seconds: NDArray[np.float64]
    num_bytes: NDArray[np.float64]
    reasons: dict[str, str]
