"""How a map is fitted, and `fit_map`, which does it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from esm_client.core.errors import InvalidInput
from esm_client.core.maps.affine import AffineMap
from esm_client.core.maps.low_rank import LowRankMap
from esm_client.core.maps.storage import EsmMap, FittedArchitecture
from esm_client.core.maps.wide import WideMap
from esm_client.lab.training.fit.moments import Floats
from esm_client.lab.training.fit.ridge import Rank, fit_ridge, without_views
from esm_client.lab.training.fit.sgd import fit_mlp, fit_sgd

Solver = Literal["ridge", "sgd"]

WIDE_RANK = 64
"""Of maps that read views: 128 ranks little better for over three times the time of a ranking
(tests/bench/view_maps.py, view_costs.py)."""


@dataclass(frozen=True)
class FitRecipe:
    """Architecture, and how its weights are found.

    solver: "ridge" in closed form, for linear and low-rank maps; "sgd", the paper's, for linear
    maps; an mlp is always trained by gradient descent. rank: of a low-rank map; None for WIDE_RANK
    where it reads views, else for the smallest that is good enough on held-out rows. ridge_lambda:
    relative; None for the one with the smallest held-out error.
    """

    architecture: FittedArchitecture = "low-rank"
    solver: Solver | None = None
    rank: int | None = None
    ridge_lambda: float | None = None

    def __post_init__(self) -> None:
        if self.architecture not in ("linear", "low-rank", "mlp"):
            raise InvalidInput(
                f"{self.architecture!r} is no architecture.", "Use linear, low-rank or mlp."
            )
        if self.solver not in (None, "ridge", "sgd"):
            raise InvalidInput(f"{self.solver!r} is no solver.", "Use ridge or sgd.")
        if self.solver == "sgd" and self.architecture == "low-rank":
            raise InvalidInput(
                "A low-rank map is fitted in closed form.", "Leave out the solver sgd."
            )
        if self.solver == "ridge" and self.architecture == "mlp":
            raise InvalidInput(
                "An mlp is trained by gradient descent.", "Leave out the solver ridge."
            )

    @classmethod
    def of(
        cls, architecture: FittedArchitecture | None, solver: Solver | None, rank: int | None
    ) -> "FitRecipe":
        """The default with what was asked for; the paper's solver asks for the paper's map."""
        wanted = architecture or ("linear" if solver == "sgd" else cls.architecture)
        if rank is not None and wanted != "low-rank":
            raise InvalidInput(f"A {wanted} map has no rank.", "Leave it out.")
        return cls(wanted, solver, rank)

    @property
    def chosen_solver(self) -> Solver:
        """The solver that is used."""
        return self.solver or ("sgd" if self.architecture == "mlp" else "ridge")


@dataclass(frozen=True)
class FittedMap:
    """A map as it is stored, in float32 or a wide one in half precision, and what goes with it.

    beside: tensors for the summary, which say what may stand for the views of a wide map.
    """

    map: EsmMap
    ridge_lambda: float | None = None
    beside: Mapping[str, Floats] = field(default_factory=dict[str, Floats])


@dataclass(frozen=True)
class ProbePairs:
    """What both models make of probe rows: base (N, Z) with views, tuned (N, D).

    own_rows: whether a map is fitted to its source's rows as well.
    """

    base: Floats
    tuned: Floats
    own_rows: bool = True


def fit_map(
    base: Floats,
    tuned: Floats,
    rows: NDArray[np.intp],
    recipe: FitRecipe,
    *,
    probes: ProbePairs | None = None,
    seed: int = 42,
) -> FittedMap:
    """Fit a map to some rows of two arrays, (N, D) or with views (N, Z), and (N, D).

    A closed form is fitted to probes as well, or to them alone. Raises what the fits raise.
    """
    dimension = tuned.shape[1]
    if recipe.architecture == "mlp":
        return FittedMap(fit_mlp(base[rows, :dimension], tuned[rows], seed=seed))
    if recipe.chosen_solver == "sgd":
        return FittedMap(fit_sgd(base[rows, :dimension], tuned[rows], seed=seed))
    if probes is not None:
        more = np.arange(len(base), len(base) + len(probes.base))
        rows = np.concatenate([rows, more]) if probes.own_rows else more
        base = np.concatenate([base, probes.base])
        tuned = np.concatenate([tuned, probes.tuned])
    rank: Rank = recipe.rank or (WIDE_RANK if base.shape[1] > dimension else "auto")
    if recipe.architecture == "linear":  # what everybody reads: of x alone
        base, rank = base[:, :dimension], None
    fitted = fit_ridge(base, tuned, rows, rank=rank, ridge_lambda=recipe.ridge_lambda, seed=seed)
    found = fitted.map
    if not isinstance(found, WideMap):
        return FittedMap(_as_type(found, np.float32), fitted.ridge_lambda)
    beside = without_views(found, base, rows)
    halves = {name: array.astype(np.float16) for name, array in beside.items()}
    return FittedMap(_as_type(found, np.float16), fitted.ridge_lambda, halves)


def _as_type(found: AffineMap | LowRankMap | WideMap, kind: type[np.floating[Any]]) -> EsmMap:
    return type(found)(*(array.astype(kind) for array in found.tensors().values()))
