"""How a map is fitted, and `fit_map`, which does it."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from esm_client.core.errors import InvalidInput
from esm_client.core.maps.affine import AffineMap
from esm_client.core.maps.low_rank import LowRankMap
from esm_client.core.maps.storage import EsmMap, FittedArchitecture
from esm_client.core.maps.wide import WideMap
from esm_client.lab.training.fit.moments import Floats
from esm_client.lab.training.fit.ridge import fit_ridge
from esm_client.lab.training.fit.sgd import fit_mlp, fit_sgd

Solver = Literal["ridge", "sgd"]


@dataclass(frozen=True)
class FitRecipe:
    """Architecture, and how its weights are found.

    solver: "ridge" in closed form, for linear and low-rank maps; "sgd", the paper's, for linear
    maps; an mlp is always trained by gradient descent. rank: of a low-rank map; None for the
    smallest that is good enough on held-out rows. ridge_lambda: relative; None for the one with
    the smallest held-out error.
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
    """A map in float32, as it is stored, and what was chosen for it."""

    map: EsmMap
    ridge_lambda: float | None = None


def fit_map(
    base: Floats, tuned: Floats, rows: NDArray[np.intp], recipe: FitRecipe, *, seed: int = 42
) -> FittedMap:
    """Fit a map to some rows of two arrays (N, D); raises what the fits raise."""
    if recipe.architecture == "mlp":
        return FittedMap(fit_mlp(base[rows], tuned[rows], seed=seed))
    if recipe.chosen_solver == "sgd":
        return FittedMap(fit_sgd(base[rows], tuned[rows], seed=seed))
    rank = (recipe.rank or "auto") if recipe.architecture == "low-rank" else None
    fitted = fit_ridge(base, tuned, rows, rank=rank, ridge_lambda=recipe.ridge_lambda, seed=seed)
    return FittedMap(_in_float32(fitted.map), fitted.ridge_lambda)


def _in_float32(found: AffineMap | LowRankMap | WideMap) -> EsmMap:
    return type(found)(*(array.astype(np.float32) for array in found.tensors().values()))
