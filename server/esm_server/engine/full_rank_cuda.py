"""Scores of full maps in batches on a GPU, by Cholesky factors instead of eigenvectors.

One factor of I + F F^T / t gives log det and all q(t) of the evidence profile
(esm_client.core.scoring.profile), and a GPU makes hundreds of them at a time.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from esm_client.core.scoring.basis import TargetLabels
from esm_client.core.scoring.design import TargetDesign
from esm_client.core.scoring.maximum import GRID_STEP, highest

Array = NDArray[np.float64]

SMALLEST_T, LARGEST_T = 2e-6, 1e5
"""Range of t in units of about the largest sigma."""
PRECISION = 1e-9
POWER_STEPS = 12


class CholeskyScorer:
    """One target on one device, ready for batches of full maps; double precision throughout."""

    def __init__(self, design: TargetDesign, torch: Any, device: str) -> None:
        self._torch, self._device, self._design = torch, device, design
        self._labels = TargetLabels.of(design)
        self._features = self._put(design.features)
        self._constant = None if design.constant is None else self._put(design.constant)
        self._inside = self._put(self._labels.inside)
        self._residual = self._put(self._labels.residual)
        self._grid = np.arange(np.log(SMALLEST_T), np.log(LARGEST_T), GRID_STEP)

    def scores(self, weight: NDArray[Any], bias: NDArray[Any]) -> Array:
        """Scores (B,) of weights (B, D, Z) and biases (B, D); NaN where this cannot be trusted."""
        torch = self._torch
        features = self._features @ self._put(weight).mT
        if self._constant is not None:
            features = features + self._constant[:, None] * self._put(bias)[:, None, :]
        gram = features @ features.mT
        vector = torch.ones_like(gram[..., :1])
        for _ in range(POWER_STEPS):
            vector = gram @ vector
            vector = vector / torch.linalg.vector_norm(vector, dim=1, keepdim=True)
        largest = torch.sum(vector * (gram @ vector), dim=(1, 2)).clamp_min(1e-300)
        gram = gram / largest[:, None, None]
        every = np.arange(len(weight))
        coarse = self._gains(gram, np.tile(self._grid, (len(weight), 1)))
        ceiling = self._ceiling(gram, float(np.exp(self._grid[0])))

        def exact(rows: NDArray[np.intp], log_t: Array) -> Array:
            chosen = gram if len(rows) == len(every) else gram[torch.as_tensor(rows)]
            return self._gains(chosen, log_t)

        gain = highest(self._grid, coarse, exact, ceiling, precision=PRECISION)
        return self._labels.score(gain)

    def _gains(self, gram: Any, log_t: Array) -> Array:
        columns = [self._at(gram, self._put(np.exp(log_t[:, j])))[0] for j in range(log_t.shape[1])]
        return self._torch.stack(columns, dim=1).cpu().numpy()

    def _ceiling(self, gram: Any, t: float) -> Array:
        _, log_det = self._at(gram, self._put(np.full(gram.shape[0], t)))
        with np.errstate(divide="ignore"):
            known = self._labels.num_rows * np.log(self._labels.residual)
        return -0.5 * (known + log_det.cpu().numpy()[:, np.newaxis])

    def _at(self, gram: Any, t: Any) -> tuple[Any, Any]:
        """Gains (B, C) at t (B,), NaN where the factorisation fails, and log det (B,)."""
        torch = self._torch
        system = gram / t[:, None, None]
        system.diagonal(dim1=1, dim2=2).add_(1.0)
        factor, failed = torch.linalg.cholesky_ex(system)
        inside = self._inside.expand(gram.shape[0], -1, -1)
        solved = torch.linalg.solve_triangular(factor, inside, upper=False)
        q = self._residual + torch.sum(solved**2, dim=1)
        log_det = 2.0 * torch.sum(torch.log(factor.diagonal(dim1=1, dim2=2)), dim=1)
        gain = -0.5 * (self._labels.num_rows * torch.log(q) + log_det[:, None])
        return torch.where((failed == 0)[:, None], gain, torch.nan), log_det

    def _put(self, values: Any) -> Any:
        """In double precision, moved in its own."""
        moved = self._torch.as_tensor(np.ascontiguousarray(values), device=self._device)
        return moved.to(self._torch.float64)
