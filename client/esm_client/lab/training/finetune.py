"""Fine-tuning a base model on a source task: the source model that an ESM imitates."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from esm_client.core.errors import InvalidInput
from esm_client.core.schemas import Kind
from esm_client.core.spaces import MAX_LENGTH, SEPARATOR, Pooling
from esm_client.lab.data.task import TextTask
from esm_client.lab.embedding import choose_device
from esm_client.lab.encoder import TextEncoder, batches
from esm_client.lab.extras import require
from esm_client.lab.progress import ProgressBar
from esm_client.lab.training.fit import linear_decay
from esm_client.lab.training.metrics import accuracy, mean_correlation

MAX_GRADIENT_NORM = 1.0
METRICS: dict[Kind, tuple[str, Callable[..., float]]] = {
    "classification": ("accuracy", accuracy),
    "regression": ("mean of Pearson and Spearman correlation", mean_correlation),
}


@dataclass(frozen=True)
class FineTuned:
    """What fine-tuning leaves behind.

    model: the transformer without its head, in evaluation mode: the model passed in, changed.
    head: the linear layer, (number of classes or 1, D).
    metric, metric_name: on the held-out rows; None without any.
    loss: mean training loss of the last epoch.
    """

    model: Any
    head: Any
    metric: float | None
    metric_name: str
    loss: float


def fine_tune(
    model: Any,
    tokenizer: Any,
    task: TextTask,
    *,
    pooling: Pooling,
    held_out: NDArray[np.intp] | None = None,
    epochs: int = 3,
    learning_rate: float = 2e-5,
    batch_size: int = 32,
    weight_decay: float = 0.01,
    max_length: int = MAX_LENGTH,
    separator: str = SEPARATOR,
    seed: int = 42,
    device: str = "auto",
    progress: bool | None = None,
) -> FineTuned:
    """Fine-tune `model` in place with a linear head over its pooled vector.

    The head reads the very vector that the embedding space defines, or the map would learn the
    effect of another space. The recipe is the paper's (Schulte et al. 2024, section 4): AdamW,
    linear decay to zero without warm-up, gradients clipped at norm 1, batches drawn anew each
    epoch. Cross entropy over the classes that occur, or mean squared error on labels brought to
    mean 0 and variance 1, so that the learning rate means the same on every scale.

    Args:
        held_out: row numbers that are not trained on; the metric is computed on them.

    Raises InvalidInput for settings that cannot be used and for a loss that becomes NaN.
    """
    for name, value in (("epochs", epochs), ("learning_rate", learning_rate)):
        if not value > 0:
            raise InvalidInput(f"{name} is {value}.", "Use a positive number.")
    torch = require("torch")
    target = choose_device(device)
    held = np.array([], dtype=np.intp) if held_out is None else held_out
    rows = np.setdiff1d(np.arange(len(task)), held)
    labels, outputs = _targets(task, rows)
    with torch.random.fork_rng(devices=[target] if target.type == "cuda" else []):
        torch.manual_seed(seed)
        encoder = TextEncoder(
            model.to(target),
            tokenizer,
            pooling=pooling,
            max_length=max_length,
            separator=separator,
            batch_size=batch_size,
        )
        head = torch.nn.Linear(encoder.dimension, outputs).to(target)
        tokens = encoder.tokenise(encoder.join(task.texts))
        run = _Run(encoder, head, tokens, torch.tensor(labels, device=target), task.kind)
        loss = run.train(
            rows, epochs, learning_rate, weight_decay, np.random.default_rng(seed), progress
        )
    metric_name, metric = METRICS[task.kind]
    value = metric(run.predict(held), labels[held]) if len(held) else None
    return FineTuned(model.eval(), head.eval(), value, metric_name, loss)


class _Run:
    """One fine-tuning: the model, its head and the tokenised task."""

    def __init__(
        self,
        encoder: TextEncoder,
        head: Any,
        tokens: list[dict[str, list[int]]],
        labels: Any,
        kind: Kind,
    ) -> None:
        self._encoder, self._head = encoder, head
        self._tokens, self._labels, self._kind = tokens, labels, kind
        functional = require("torch.nn.functional")
        self._loss = functional.cross_entropy if kind == "classification" else functional.mse_loss

    def train(
        self,
        rows: NDArray[np.intp],
        epochs: int,
        learning_rate: float,
        weight_decay: float,
        random: np.random.Generator,
        progress: bool | None,
    ) -> float:
        """Run all epochs; returns the mean loss of the last one."""
        torch = require("torch")
        parameters = [*self._encoder.model.parameters(), *self._head.parameters()]
        optimiser = torch.optim.AdamW(parameters, lr=learning_rate, weight_decay=weight_decay)
        steps = epochs * -(-len(rows) // self._encoder.batch_size)
        schedule = linear_decay(optimiser, steps)
        losses: list[float] = []
        self._encoder.model.train()
        with ProgressBar("Fine-tuning", steps, progress) as bar:
            for _ in range(epochs):
                losses = []
                for batch in batches(random.permutation(rows).tolist(), self._encoder.batch_size):
                    optimiser.zero_grad()
                    loss = self._loss(self._forward(batch), self._labels[batch])
                    loss.backward()
                    torch.nn.utils.clip_grad_norm_(parameters, MAX_GRADIENT_NORM)
                    optimiser.step()
                    schedule.step()
                    losses.append(_finite(loss.item(), learning_rate))
                    bar.advance(1)
        return float(np.mean(losses))

    def predict(self, rows: NDArray[np.intp]) -> NDArray[Any]:
        """Class numbers, or numbers on the standardised scale, for some rows."""
        torch = require("torch")
        self._encoder.model.eval()
        parts: list[NDArray[Any]] = []
        with torch.inference_mode():
            for batch in batches(rows.tolist(), self._encoder.batch_size):
                scores = self._forward(batch)
                best = scores.argmax(1) if self._kind == "classification" else scores
                parts.append(best.cpu().numpy())
        return np.concatenate(parts)

    def _forward(self, rows: Any) -> Any:
        scores = self._head(self._encoder.pooled([self._tokens[row] for row in rows]))
        return scores if self._kind == "classification" else scores.squeeze(1)


def _targets(task: TextTask, rows: NDArray[np.intp]) -> tuple[NDArray[Any], int]:
    """Class numbers or standardised labels of all rows, and how many outputs the head needs."""
    if task.kind == "classification":
        classes, numbers = np.unique(task.labels, return_inverse=True)
        return numbers.astype(np.int64), len(classes)
    spread = float(task.labels[rows].std()) or 1.0
    return ((task.labels - task.labels[rows].mean()) / spread).astype(np.float32), 1


def _finite(loss: float, learning_rate: float) -> float:
    if not np.isfinite(loss):
        raise InvalidInput(
            f"Fine-tuning diverged: the loss is {loss}.",
            f"Use a learning rate smaller than {learning_rate}.",
        )
    return loss
