"""Fitting the map f(x) = W x + b to pairs of base and fine-tuned embeddings."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from esm_client.core.artifact.weights import AffineMap
from esm_client.core.errors import InvalidEmbeddings, InvalidInput
from esm_client.lab.extras import require

Floats = NDArray[np.floating[Any]]

LAMBDAS = (1e-4, 1e-3, 1e-2, 3e-2, 0.1, 0.3, 1.0, 3.0, 10.0)
"""Tried penalties, relative to the mean squared singular value of the centred embeddings."""
INNER_SHARE = 0.2

SGD_EPOCHS, SGD_BATCH_SIZE, SGD_LEARNING_RATE, SGD_WEIGHT_DECAY = 10, 32, 1e-3, 0.01
"""The paper's recipe for the map."""


@dataclass(frozen=True)
class RidgeFit:
    """A fitted map in float64, the relative penalty it was fitted with, and the scalar c."""

    map: AffineMap
    ridge_lambda: float
    scale: float


def mean_squared_error(predicted: Floats, target: Floats) -> float:
    """Mean squared error per coordinate of two arrays (N, D)."""
    return float(np.mean((np.asarray(predicted, np.float64) - target) ** 2))


def fit_ridge(
    base: Floats, tuned: Floats, *, ridge_lambda: float | None = None, seed: int = 42
) -> RidgeFit:
    """Fit the map in closed form.

    Minimises |X W^T + 1 b^T - Y|^2 + lambda |W - c I|^2 over W and b, with c the least-squares
    scalar: a strong penalty leads back to a scaled identity, and b is never penalised. Both
    follow from the normal equations of [X 1], solved by centring X and Y (methods of the
    embedding space map: Schulte et al. 2024, section 3, who use SGD for the same loss).

    Args:
        base: X (N, D), embeddings of the base model.
        tuned: Y (N, D), embeddings of the fine-tuned model, row by row of the same texts.
        ridge_lambda: relative to the mean squared singular value of the centred X, so that it
            carries over between models and row counts; None tries LAMBDAS on a fifth of the
            rows and fits the best one on all of them.
        seed: draws that fifth.

    Raises InvalidEmbeddings for arrays that are not pairs, InvalidInput for a penalty that is
    not positive.
    """
    X, Y = _checked(base, tuned)
    if ridge_lambda is None:
        ridge_lambda = _choose_lambda(X, Y, seed)
    elif not (ridge_lambda > 0 and np.isfinite(ridge_lambda)):
        raise InvalidInput(f"ridge_lambda is {ridge_lambda}.", "Use a positive number.")
    return _Ridge(X, Y).solve(ridge_lambda)


class _Ridge:
    """The normal equations of one data set, diagonalised once for all penalties."""

    def __init__(self, X: NDArray[np.float64], Y: NDArray[np.float64]) -> None:
        self._mean_x: NDArray[np.float64] = X.mean(axis=0)
        self._mean_y: NDArray[np.float64] = Y.mean(axis=0)
        x, y = X - self._mean_x, Y - self._mean_y
        total = float(np.vdot(x, x))
        self._scale = float(np.vdot(x, y)) / total if total > 0 else 1.0
        self._unit = total / x.shape[1] if total > 0 else 1.0
        values, self._basis = np.linalg.eigh(x.T @ x)
        self._values = np.maximum(values, 0.0)
        self._moments = self._basis.T @ (x.T @ (y - self._scale * x))

    def solve(self, ridge_lambda: float) -> RidgeFit:
        """The map for a penalty relative to the mean squared singular value."""
        damped = self._moments / (self._values + ridge_lambda * self._unit)[:, None]
        weight = (self._basis @ damped).T
        weight[np.diag_indices_from(weight)] += self._scale
        bias = self._mean_y - weight @ self._mean_x
        return RidgeFit(AffineMap(weight, bias), ridge_lambda, self._scale)


def _choose_lambda(X: NDArray[np.float64], Y: NDArray[np.float64], seed: int) -> float:
    rows = np.random.default_rng(seed).permutation(len(X))
    held = max(1, round(INNER_SHARE * len(X)))
    inner, held_out = rows[held:], rows[:held]
    ridge = _Ridge(X[inner], Y[inner])
    errors = [
        mean_squared_error(ridge.solve(value).map.apply(X[held_out]), Y[held_out])
        for value in LAMBDAS
    ]
    return LAMBDAS[int(np.argmin(errors))]


def fit_sgd(
    base: Floats,
    tuned: Floats,
    *,
    epochs: int = SGD_EPOCHS,
    learning_rate: float = SGD_LEARNING_RATE,
    weight_decay: float = SGD_WEIGHT_DECAY,
    batch_size: int = SGD_BATCH_SIZE,
    seed: int = 42,
) -> AffineMap:
    """Fit the map as the paper does (Schulte et al. 2024, section 4): AdamW on the same loss.

    Mean squared error, linear decay of the learning rate to zero, gradients clipped at norm 1,
    pairs in the order given, torch's initial weights drawn with `seed`. Weight decay 0.01 as
    the paper's text says (its scripts use 0.001). Arrays as for fit_ridge; the map is float32.
    """
    X, Y = _checked(base, tuned)
    torch = require("torch")
    inputs, targets = (torch.tensor(array, dtype=torch.float32) for array in (X, Y))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        linear = torch.nn.Linear(X.shape[1], X.shape[1])
    optimiser = torch.optim.AdamW(linear.parameters(), lr=learning_rate, weight_decay=weight_decay)
    steps = epochs * -(-len(X) // batch_size)
    schedule = linear_decay(optimiser, steps)
    for _ in range(epochs):
        for start in range(0, len(X), batch_size):
            rows = slice(start, start + batch_size)
            optimiser.zero_grad()
            torch.nn.functional.mse_loss(linear(inputs[rows]), targets[rows]).backward()
            torch.nn.utils.clip_grad_norm_(linear.parameters(), 1.0)
            optimiser.step()
            schedule.step()
    return AffineMap(linear.weight.detach().numpy(), linear.bias.detach().numpy())


def linear_decay(optimiser: Any, steps: int) -> Any:
    """A torch schedule that takes the learning rate to zero in `steps` steps, without warm-up."""

    def share_left(step: int) -> float:
        return 1 - step / steps

    return require("torch.optim.lr_scheduler").LambdaLR(optimiser, share_left)


def _checked(base: Floats, tuned: Floats) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    X, Y = np.asarray(base, np.float64), np.asarray(tuned, np.float64)
    if X.ndim != 2 or X.shape != Y.shape or len(X) < 2:
        raise InvalidEmbeddings(
            f"The base embeddings have shape {X.shape}, the tuned ones {Y.shape}.",
            "Pass two arrays (N, D) of the same texts, with at least two rows.",
        )
    if not (np.isfinite(X).all() and np.isfinite(Y).all()):
        raise InvalidEmbeddings(
            "The embeddings hold NaN or infinite numbers.", "Embed the texts again in float32."
        )
    return X, Y
