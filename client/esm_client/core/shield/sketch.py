"""The bottom-k sketch of a set of hashes: its k smallest members (Cohen and Kaplan 2007).

Who holds a whole other set can estimate from it how much of that set is inside: hashes are
uniform, so those below the sketch's largest member are a fair sample of either set. The classic
signature of minima answers only how similar two sets are, which says little when a target of
1 000 rows is compared with a source of 100 000.

What it reveals: no text can be computed from a hash, but whoever reads the sketch can test
whether a text they guess is among the k sampled ones.
"""

from dataclasses import dataclass

import numpy as np

from esm_client.core.errors import InvalidArtifact
from esm_client.core.shield.texts import Hashes

SIZE = 2048
"""16 KiB per source; 5 percent of a target of 1 000 rows in a source of 10 000 are missed once
in a thousand times, in one of 100 000 every other time; a copy of the target in neither."""
MAX_SIZE = 4096
MAX_TOTAL = 2**48


@dataclass(frozen=True, eq=False)
class SetSketch:
    """The smallest members of a set of `total` hashes; all of them when it is no larger."""

    hashes: Hashes
    total: int

    def __post_init__(self) -> None:
        h = self.hashes
        fits = h.ndim == 1 and h.dtype == np.uint64 and len(h) <= min(MAX_SIZE, self.total)
        if not fits or self.total > MAX_TOTAL or (self.total > 0 and not len(h)):
            raise _invalid(f"{h.dtype} of shape {h.shape} for {self.total} hashes")
        if (h[1:] <= h[:-1]).any():
            raise _invalid("hashes that do not increase")

    @classmethod
    def of(cls, hashes: Hashes, size: int = SIZE) -> "SetSketch":
        """The sketch of distinct, increasing hashes."""
        return cls(hashes[:size].copy(), len(hashes))

    @property
    def is_whole(self) -> bool:
        """Whether it holds the whole set, which makes every comparison exact."""
        return len(self.hashes) == self.total

    def sampled(self, hashes: Hashes) -> Hashes:
        """Those of another set's increasing hashes that this sketch can tell about."""
        if self.is_whole:
            return hashes
        return hashes[: np.searchsorted(hashes, self.hashes[-1], side="right")]


def _invalid(what: str) -> InvalidArtifact:
    return InvalidArtifact(
        f"A sketch of source rows cannot be used: {what}.", "Train the ESM again."
    )
