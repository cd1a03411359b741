"""Fine-tuning a base model on a source task: the source model that an ESM imitates."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from esm_client.core.errors import InvalidInput
from esm_client.lab.data.task import TextTask
from esm_client.lab.encoder import TextEncoder, batches
from esm_client.lab.extras import require
from esm_client.lab.memory import is_out_of_memory, no_room, release_memory
from esm_client.lab.progress import ProgressBar, Show
from esm_client.lab.training.checkpoint import Checkpoint
from esm_client.lab.training.heads import Head, make_head
from esm_client.lab.training.precision import Precise
from esm_client.lab.training.recipe import FineTuneRecipe

MAX_GRADIENT_NORM = 1.0


@dataclass(frozen=True)
class FineTuned:
    """What fine-tuning leaves behind.

    model: the transformer without its head, in evaluation mode: the model passed in, changed.
    head: the linear layer, (outputs, D).
    metric, metric_name: on the held-out rows; None without any.
    loss: mean training loss of the last epoch. epochs: how many were run.
    """

    model: Any
    head: Any
    metric: float | None
    metric_name: str
    loss: float
    epochs: int


def fine_tune(
    encoder: TextEncoder,
    task: TextTask,
    recipe: FineTuneRecipe | None = None,
    *,
    held_out: NDArray[np.intp] | None = None,
    seed: int = 42,
    progress: Show = None,
    checkpoint: Path | None = None,
) -> FineTuned:
    """Fine-tune the encoder's model in place, with a linear head of the task's kind.

    AdamW, linear decay to zero without warm-up, gradients clipped at norm 1, batches drawn anew
    each epoch. Where the device has no room for a batch, it is computed in halves, with the
    same gradients. On the CPU with one number of threads, the same call gives the same model.

    Args:
        held_out: row numbers that are not trained on; the metric is computed on them.
        checkpoint: a folder of the caller's for this very call: a run that was killed goes on
            from what lies there, to the same model. It is removed at the end. A run with
            patience starts anew.

    Raises InvalidInput for a loss that becomes NaN and for a device without room.
    """
    chosen = recipe or FineTuneRecipe()
    torch = require("torch")
    held = np.array([], dtype=np.intp) if held_out is None else held_out
    rows = np.setdiff1d(np.arange(len(task)), held)
    device = encoder.device
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(seed)
        head = make_head(encoder, task, rows)
        kept = Checkpoint(checkpoint) if checkpoint and chosen.patience is None else None
        run = _Run(encoder, head, chosen, rows, held, seed, kept)
        run.train(progress)
        value = run.score() if len(held) else None
    if kept is not None:
        kept.remove()
    return FineTuned(
        encoder.model.eval(), head.module.eval(), value, head.metric_name, run.loss, run.epoch
    )


class _Run:
    """One fine-tuning."""

    def __init__(
        self,
        encoder: TextEncoder,
        head: Head,
        recipe: FineTuneRecipe,
        rows: NDArray[np.intp],
        held_out: NDArray[np.intp],
        seed: int,
        checkpoint: Checkpoint | None,
    ) -> None:
        torch = require("torch")
        self._encoder, self._head, self._recipe = encoder, head, recipe
        self._rows, self._held_out, self._seed = rows, held_out, seed
        self._checkpoint = checkpoint
        self._parameters = [*encoder.model.parameters(), *head.module.parameters()]
        self._optimiser = torch.optim.AdamW(
            self._parameters,
            lr=recipe.learning_rate,
            weight_decay=recipe.weight_decay,
            fused=encoder.device.type != "mps",
        )
        self._precise = Precise(encoder.device, recipe.precision)
        self._steps_per_epoch = -(-len(rows) // recipe.batch_size)
        self._largest = recipe.batch_size
        self.step, self.loss = 0, 0.0
        self._losses: list[float] = []
        self._best, self._best_epoch, self._best_state = -np.inf, 0, None

    @property
    def epoch(self) -> int:
        """Epochs that are done."""
        return self.step // self._steps_per_epoch

    def train(self, progress: Show) -> None:
        """Run all epochs, from the checkpoint where there is one."""
        if self._checkpoint is not None:
            self._restore(self._checkpoint)
        steps = self._recipe.epochs * self._steps_per_epoch
        self._encoder.model.train()
        with ProgressBar("Fine-tuning", steps, progress) as bar:
            bar.advance(self.step)
            while self.step < steps and not self._is_enough():
                order = np.random.default_rng([self._seed, self.epoch]).permutation(self._rows)
                done = self.step % self._steps_per_epoch
                for batch in list(batches(order.tolist(), self._recipe.batch_size))[done:]:
                    self._learn(list(batch), 1 - self.step / steps)
                    self.step += 1
                    if self._checkpoint is not None and self._checkpoint.is_due():
                        self._save(self._checkpoint)
                    bar.advance(1)
                self.loss, self._losses = float(np.mean(self._losses)), []
        if self._best_state is not None:
            self._encoder.model.load_state_dict(self._best_state[0])
            self._head.module.load_state_dict(self._best_state[1])

    def score(self) -> float:
        """The metric on the held-out rows, in float32."""
        torch = require("torch")
        training = self._encoder.model.training
        self._encoder.model.eval()
        predicted: list[Any] = []
        with torch.inference_mode():
            for batch in batches(self._held_out.tolist(), self._encoder.batch_size):
                output, mask = self._encoder.run([self._head.token_ids(row) for row in batch])
                predicted += self._head.predict(output, mask, list(batch))
        self._encoder.model.train(training)
        return self._head.metric(predicted, self._held_out)

    def _learn(self, batch: list[int], share_left: float) -> None:
        """One step; in parts where the device has no room for the whole batch."""
        torch = require("torch")
        while True:
            self._optimiser.zero_grad()
            try:
                loss = sum(
                    self._backward(list(part), len(part) / len(batch))
                    for part in batches(batch, self._largest)
                )
                break
            except RuntimeError as error:
                if not is_out_of_memory(error):
                    raise
                if self._largest == 1:
                    raise no_room(self._encoder.device, error) from error
            self._largest = max(1, self._largest // 2)
            self._optimiser.zero_grad()
            release_memory()
        for group in self._optimiser.param_groups:
            group["lr"] = self._recipe.learning_rate * share_left
        self._precise.unscale(self._optimiser)
        torch.nn.utils.clip_grad_norm_(self._parameters, MAX_GRADIENT_NORM)
        self._precise.step(self._optimiser)
        if not np.isfinite(loss):
            raise InvalidInput(
                f"Fine-tuning diverged: the loss is {loss}.",
                f"Use a learning rate smaller than {self._recipe.learning_rate}.",
            )
        self._losses.append(loss)

    def _backward(self, rows: list[int], share: float) -> float:
        with self._precise.forward():
            output, mask = self._encoder.run([self._head.token_ids(row) for row in rows])
            loss = self._head.loss(output, mask, rows) * share
        self._precise.backward(loss)
        return loss.item()

    def _is_enough(self) -> bool:
        """At the end of an epoch: whether patience has run out; keeps the best model so far."""
        patience = self._recipe.patience
        if patience is None or not len(self._held_out) or self.step % self._steps_per_epoch:
            return False
        if self.epoch and self._best_epoch < self.epoch:
            value = self.score()
            if value > self._best:
                modules = (self._encoder.model, self._head.module)
                self._best, self._best_epoch = value, self.epoch
                self._best_state = [
                    {k: v.detach().clone() for k, v in m.state_dict().items()} for m in modules
                ]
        return self.epoch - self._best_epoch >= patience

    def _save(self, checkpoint: Checkpoint) -> None:
        checkpoint.save(
            self._encoder.model,
            self._head.module,
            self._optimiser,
            {"step": self.step, "losses": self._losses, "largest": self._largest,
             "scaler": self._precise.state},
        )  # fmt: skip

    def _restore(self, checkpoint: Checkpoint) -> None:
        found = checkpoint.restore(self._encoder.model, self._head.module, self._optimiser)
        if found is not None:
            self.step = found["step"]
            within = self.step % self._steps_per_epoch
            self._losses = found["losses"] if within else []  # those of an epoch that is over
            self._largest, self._precise.state = found["largest"], found["scaler"]
