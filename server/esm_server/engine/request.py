"""What is asked of the engine, and what it answers."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from esm_client.core.errors import EsmError

Mode = Literal["auto", "exhaustive", "screened", "prefiltered"]
Choose = Callable[[NDArray[np.float64]], NDArray[np.intp]]
"""Given the scores so far (n,), NaN for none: what to score next; nothing when it is enough."""
Progress = Callable[[int, int], None]
"""Told how many maps are scored, of how many."""


@dataclass(frozen=True, slots=True)
class Request:
    """One target and its pool."""

    space_id: int
    sketch: bytes
    intercept: bool
    digests: Sequence[str]
    owner: str
    mode: Mode = "exhaustive"
    top: int = 10
    """How many of the best must be right when the pool is screened."""
    choose: Callable[[], Choose | None] | None = None
    """Makes what chooses a part of a pool that is too large to score all of it, if it can."""
    budget: float = 60.0
    """Seconds that scoring everything may take in the mode "auto"."""
    columns: int = 2
    """Label columns of the sketch, on which the time depends."""
    embedded: bytes | None = None
    """The target row by row (EmbeddedTarget); without it MLP maps are not scored."""


@dataclass(frozen=True, slots=True)
class Jackknife:
    """Scores (m, r) of the best r members of a pool, a fold of the target left out in each row."""

    members: NDArray[np.intp]
    scores: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class PoolScores:
    """Scores (n,) in the order of the digests, NaN for failures; the identity map's score.

    exact (n,): False for estimates of the screen, which err by at most `margin`, as far as those
    tell that were scored both ways.
    """

    identity: float
    scores: NDArray[np.float64]
    exact: NDArray[np.bool_]
    failures: dict[str, EsmError] = field(default_factory=dict[str, EsmError])
    margin: float = 0.0
    mode: Mode = "exhaustive"
    jackknife: Jackknife | None = None
