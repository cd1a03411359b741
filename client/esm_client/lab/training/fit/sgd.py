"""Gradient descent: the paper's recipe for a linear map, and the non-linear one."""

from typing import Any

import numpy as np

from esm_client.core.errors import InvalidInput
from esm_client.core.maps.affine import AffineMap
from esm_client.core.maps.mlp import MlpMap
from esm_client.lab.extras import require
from esm_client.lab.training.fit.moments import Floats, check_pairs

SGD_EPOCHS, SGD_BATCH_SIZE, SGD_LEARNING_RATE, SGD_WEIGHT_DECAY = 10, 32, 1e-3, 0.01
"""The paper's recipe for the map."""
MLP_EPOCHS, MLP_HIDDEN_SHARE = 30, 0.5
"""Epochs, and the width of the hidden layer as a share of D."""


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
    torch = require("torch")
    check_pairs(base, tuned)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        linear = torch.nn.Linear(base.shape[1], base.shape[1])
    order = [np.arange(len(base))] * epochs
    _descend(linear, base, tuned, order, learning_rate, weight_decay, batch_size)
    return AffineMap(linear.weight.detach().numpy(), linear.bias.detach().numpy())


def fit_mlp(
    base: Floats,
    tuned: Floats,
    *,
    width: int | None = None,
    epochs: int = MLP_EPOCHS,
    learning_rate: float = SGD_LEARNING_RATE,
    weight_decay: float = SGD_WEIGHT_DECAY,
    batch_size: int = SGD_BATCH_SIZE,
    seed: int = 42,
) -> MlpMap:
    """Fit x + V relu(U x + a) + b by AdamW, in batches drawn anew each epoch.

    V and b start at zero, so that the map starts as the identity. `width` is that of the hidden
    layer, by default half of D, which takes as many parameters as the linear map.
    """
    torch = require("torch")
    check_pairs(base, tuned)
    dimension = base.shape[1]
    hidden = max(1, round(MLP_HIDDEN_SHARE * dimension)) if width is None else width
    if hidden < 1:
        raise InvalidInput(f"width is {width}.", "Use 1 or more.")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        inner, outer = torch.nn.Linear(dimension, hidden), torch.nn.Linear(hidden, dimension)
    torch.nn.init.zeros_(outer.weight)
    torch.nn.init.zeros_(outer.bias)
    random = np.random.default_rng(seed)
    order = [random.permutation(len(base)) for _ in range(epochs)]
    network = torch.nn.Sequential(inner, torch.nn.ReLU(), outer)
    change = tuned - base
    _descend(network, base, change, order, learning_rate, weight_decay, batch_size)
    arrays = (p.detach().numpy() for p in (inner.weight, inner.bias, outer.weight, outer.bias))
    return MlpMap(*arrays)


def linear_decay(optimiser: Any, steps: int) -> Any:
    """A torch schedule that takes the learning rate to zero in `steps` steps, without warm-up."""

    def share_left(step: int) -> float:
        return 1 - step / steps

    return require("torch.optim.lr_scheduler").LambdaLR(optimiser, share_left)


def _descend(
    network: Any,
    base: Floats,
    target: Floats,
    order: list[Any],
    learning_rate: float,
    weight_decay: float,
    batch_size: int,
) -> None:
    """Train on mean squared error, one epoch for each order of the rows."""
    torch = require("torch")
    optimiser = torch.optim.AdamW(network.parameters(), lr=learning_rate, weight_decay=weight_decay)
    schedule = linear_decay(optimiser, len(order) * -(-len(base) // batch_size))
    for rows in order:
        for start in range(0, len(rows), batch_size):
            batch = rows[start : start + batch_size]
            inputs, outputs = (
                torch.from_numpy(np.float32(array[batch])) for array in (base, target)
            )
            optimiser.zero_grad()
            torch.nn.functional.mse_loss(network(inputs), outputs).backward()
            torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimiser.step()
            schedule.step()
