"""What is told of each fine-tuning on a target as soon as it is over."""

from collections.abc import Callable
from dataclasses import dataclass

TRANSFERS = "Transfers"
"""The step that counts fine-tunings on targets."""


@dataclass(frozen=True)
class Finished:
    """One fine-tuning on a target.

    name: the source task it followed, or what stands for none. done, total: so many fine-tunings
    are over, of so many.
    """

    name: str
    seed: int
    performance: float
    done: int
    total: int

    def __str__(self) -> str:
        return f"{self.name}, seed {self.seed}: {self.performance:.4f}"


OnFinished = Callable[[Finished], None]
