"""How much of a target a source holds, with its uncertainty."""

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from esm_client.core.shield.sketch import SetSketch
from esm_client.core.shield.texts import Hashes

COPY_SHARE = 0.4
"""From here on the source counts as a copy: low enough that half a target is one in spite of
the estimate's error."""
SHARED_SHARE = 0.01
"""Of 28 730 pairs of public tasks, 231 share less, never above 0.7 percent, and 85 share more, from
1.2 percent on (tests/bench/shield.py): chance phrases below, known relatives above."""
MIN_MATCHES = 2
"""One match alone may be a phrase that many data sets hold."""
_Z = 1.96


@dataclass(frozen=True)
class Overlap:
    """`matched` of the `compared` hashes of a target are in a source; `exact` when all were."""

    matched: int
    compared: int
    exact: bool

    @property
    def share(self) -> float:
        """The share of the target that the source holds, 0 to 1."""
        return self.matched / self.compared if self.compared else 0.0

    @cached_property
    def interval(self) -> tuple[float, float]:
        """Where the share lies in 95 of 100 cases (Wilson 1927); the share itself if exact."""
        if self.exact:
            return self.share, self.share
        if not self.compared:
            return 0.0, 1.0
        n, p = self.compared, self.share
        centre = (p + _Z**2 / (2 * n)) / (1 + _Z**2 / n)
        half = _Z / (1 + _Z**2 / n) * math.sqrt(p * (1 - p) / n + _Z**2 / (4 * n**2))
        return max(0.0, centre - half), min(1.0, centre + half)

    @property
    def is_telling(self) -> bool:
        """Whether a copy would have been noticed: false if too few hashes were compared."""
        sees = self.exact or self.is_shared or self.interval[1] < COPY_SHARE
        return self.compared > 0 and sees

    @property
    def is_copy(self) -> bool:
        """Whether about half of the target or more is in the source."""
        return self.is_shared and self.share >= COPY_SHARE

    @property
    def is_shared(self) -> bool:
        """Whether the source holds more of the target than chance phrases."""
        return self.matched >= MIN_MATCHES and self.share >= SHARED_SHARE


def overlap(target: Hashes, source: SetSketch) -> Overlap:
    """How much of a target, all of whose hashes are known, is in a source."""
    if not len(source.hashes):
        return Overlap(0, 0, exact=True)  # all its texts are too short
    sample = source.sampled(target)
    places = np.searchsorted(source.hashes, sample).clip(max=len(source.hashes) - 1)
    matched = int((source.hashes[places] == sample).sum())
    return Overlap(matched, len(sample), source.is_whole)


def similarity(one: SetSketch, other: SetSketch) -> Overlap:
    """The share of the smaller of two sketched sets that is in the other.

    Both are known only below the smaller of their largest members, which is sample enough.
    """
    small, large = sorted((one, other), key=lambda sketch: sketch.total)
    if not len(small.hashes):
        return Overlap(0, 0, exact=True)
    found = overlap(small.hashes, large)
    return Overlap(found.matched, found.compared, exact=small.is_whole and large.is_whole)
