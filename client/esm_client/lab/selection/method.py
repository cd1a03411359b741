"""What every selection method is: prepare a source once, score a target many times."""

from typing import Any, ClassVar, Protocol, get_args

import numpy as np
from numpy.typing import NDArray

from esm_client.core.schemas import SourceKind
from esm_client.lab.selection.candidate import Candidate
from esm_client.lab.selection.target import TargetTask

Prepared = Any
"""What a method keeps of a source: what it costs to share it is its size."""

LABELLED: frozenset[SourceKind] = frozenset({"classification", "regression"})
EVERY: frozenset[SourceKind] = frozenset(get_args(SourceKind))


class Method(Protocol):
    """A way to choose intermediate tasks (Schulte et al. 2024, Table 1).

    name: as the command line takes it. needs: what a candidate must have, in words.
    kinds: of targets that it can rank sources for.
    """

    name: ClassVar[str]
    needs: ClassVar[str]
    kinds: ClassVar[frozenset[SourceKind]]

    def prepare(self, candidate: Candidate) -> Prepared | None:
        """Phase 1: what is kept of a source; None where the candidate lacks what it needs."""
        ...

    def num_bytes(self, prepared: Prepared) -> int:
        """How large that is."""
        ...

    def score(self, prepared: Prepared, target: TargetTask) -> float | NDArray[np.float64]:
        """Phase 2: higher is better. Several numbers (K,) are similarities by component, whose
        rankings are fused (Vu et al. 2020). Raises EsmError for what cannot be scored."""
        ...
