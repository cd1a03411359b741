"""Frozen transfer: a head alone, trained on the source model's embeddings."""

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from esm_client.core.schemas import Kind, SourceKind
from esm_client.lab.extras import require
from esm_client.lab.selection.candidate import Candidate
from esm_client.lab.selection.method import LABELLED
from esm_client.lab.selection.source_model import SourceModel
from esm_client.lab.selection.target import TargetTask
from esm_client.lab.training.metrics import accuracy, mean_correlation

HELD_OUT_SHARE = 0.2
"""Of the target's training rows, as published (Schulte et al. 2024)."""
STEPS = 100
DECAY = 1e-3


class FrozenTransfer:
    """The metric, on held-out rows, of a linear head on frozen source-model embeddings.

    The head is fitted to its optimum (L-BFGS, a little weight decay, standardised features)
    instead of for some epochs: nothing is left to chance but which rows are held out.
    """

    name: ClassVar[str] = "frozen-transfer"
    needs: ClassVar[str] = "its source model"
    kinds: ClassVar[frozenset[SourceKind]] = LABELLED

    def prepare(self, candidate: Candidate) -> SourceModel | None:
        """The source model."""
        return candidate.model

    def num_bytes(self, prepared: SourceModel) -> int:
        """Of the model."""
        return prepared.num_bytes

    def score(self, prepared: SourceModel, target: TargetTask) -> float:
        """Accuracy, or mean of Pearson's and Spearman's correlation."""
        features = target.embedded_by(prepared).astype(np.float64)
        order = np.random.default_rng(target.seed).permutation(len(features))
        held = np.sort(order[: max(1, round(HELD_OUT_SHARE * len(order)))])
        return head_metric(features, target.task.labels, held, target.task.target_kind)


def head_metric(
    features: NDArray[np.float64], labels: NDArray[Any], held: NDArray[np.intp], kind: Kind
) -> float:
    """Metric on the rows `held` of a linear head fitted to the others; features (N, D)."""
    torch = require("torch")
    rows = np.setdiff1d(np.arange(len(features)), held)
    spread = features[rows].std(axis=0)
    scaled = (features - features[rows].mean(axis=0)) / np.where(spread > 0, spread, 1.0)
    classes = kind == "classification"
    values = np.unique(labels, return_inverse=True)[1] if classes else np.asarray(labels, float)
    y = torch.from_numpy(values[rows])
    if not classes:
        level, width = y.mean(), y.std().clamp(min=1e-12)
        y = (y - level) / width
    weight, bias = fit_head(torch.from_numpy(scaled[rows]), y, classes=classes)
    scores = (torch.from_numpy(scaled[held]) @ weight + bias).numpy()
    if classes:
        return accuracy(scores.argmax(axis=1), values[held])
    return mean_correlation(scores[:, 0], values[held])


def fit_head(x: Any, y: Any, *, classes: bool) -> tuple[Any, Any]:
    """Weights (D, C) and bias (C,) of the head that is best for x (N, D) and y (N,).

    Least mean cross entropy over the class numbers y, or mean squared error where C is 1, plus
    DECAY times the sum of squared weights.
    """
    torch = require("torch")
    functional = require("torch.nn.functional")
    outputs = int(y.max()) + 1 if classes else 1
    weight = torch.zeros(x.shape[1], outputs, dtype=x.dtype, requires_grad=True)
    bias = torch.zeros(outputs, dtype=x.dtype, requires_grad=True)
    optimiser = torch.optim.LBFGS([weight, bias], max_iter=STEPS, line_search_fn="strong_wolfe")

    def closure() -> Any:
        optimiser.zero_grad()
        scores = x @ weight + bias
        loss = (
            functional.cross_entropy(scores, y)
            if classes
            else functional.mse_loss(scores.squeeze(1), y)
        ) + DECAY * (weight**2).sum()
        loss.backward()
        return loss

    optimiser.step(closure)
    return weight.detach(), bias.detach()
