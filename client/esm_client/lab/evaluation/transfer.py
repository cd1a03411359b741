"""One transfer: fine-tune a source model, or the base model, on a target, and measure."""

import copy
import time
from dataclasses import dataclass
from pathlib import Path

from esm_client.core.errors import InvalidInput
from esm_client.lab.encoder import TextEncoder
from esm_client.lab.evaluation.split_task import SplitTask
from esm_client.lab.progress import Show
from esm_client.lab.selection.source_model import SourceModel
from esm_client.lab.training.finetune import FineTuned, fine_tune
from esm_client.lab.training.recipe import FineTuneRecipe


@dataclass(frozen=True, eq=False)
class Transfer:
    """What came out.

    performance: on the evaluation rows, by `metric_name`; higher is better. model: after both
    fine-tunings; its task holds the training rows, then the evaluation rows. tuned: the second of
    them.
    """

    performance: float
    metric_name: str
    seconds: float
    model: SourceModel
    tuned: FineTuned


def transfer(
    encoder: TextEncoder,
    target: SplitTask,
    recipe: FineTuneRecipe,
    *,
    seed: int,
    progress: Show = None,
    checkpoint: Path | None = None,
) -> Transfer:
    """Fine-tune a copy of the encoder's model on the target, with a fresh head.

    encoder: around a source model, or the base model for no intermediate task. It stays as it is.
    Raises InvalidInput for a recipe with patience, which would choose the epoch on the very rows
    that are measured, and what fine_tune raises.
    """
    if recipe.patience is not None:
        raise InvalidInput(
            f"patience is {recipe.patience}: the epoch would be chosen on the very rows that are "
            "measured.",
            "Leave it out, and choose the number of epochs.",
        )
    started = time.perf_counter()
    copied = encoder.with_model(copy.deepcopy(encoder.model))
    tuned = fine_tune(
        copied, target.joined, recipe, held_out=target.held_out, seed=seed, progress=progress,
        checkpoint=checkpoint,
    )  # fmt: skip
    model = SourceModel(copied, target.training.kind, tuned.head, target.joined)
    performance = float("nan") if tuned.metric is None else tuned.metric
    seconds = time.perf_counter() - started
    return Transfer(performance, tuned.metric_name, seconds, model, tuned)
