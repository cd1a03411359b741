"""Train one ESM per source task of the demo."""

import time
from pathlib import Path

from docs.demo.base_model import BASE_MODEL_NAME
from docs.demo.tasks.write import SOURCES

from esm_client.core.schemas import Source
from esm_client.lab.training.recipe import FineTuneRecipe

RECIPE = FineTuneRecipe(epochs=2, learning_rate=5e-5)
SOURCE = Source(location="docs/demo/tasks", revision="1", licence="Apache-2.0")
PAIR_TASKS = {"same_meaning"}


def train_sources(base_model: Path, tasks: dict[str, Path], esms: Path) -> None:
    """Fine-tune and fit for each source; writes an ESM directory and prints a line for each."""
    from esm_client import Embedder
    from esm_client.lab.data.loading import load_task
    from esm_client.lab.training.train import train_esm

    embedder = Embedder(base_model, name=BASE_MODEL_NAME)
    for name in SOURCES:
        started = time.perf_counter()
        task = load_task(
            tasks[name],
            text_columns=("text", "text_pair") if name in PAIR_TASKS else ("text",),
            label_column="label",
            name=name,
            language="en",
        )
        esm = train_esm(task, embedder, RECIPE, source=SOURCE)
        esm.write(esms / name)
        fit = esm.config.fit
        assert fit is not None
        print(
            f"  {name:24s} {len(task)} rows, {fit.validation_metric_name} "
            f"{fit.validation_metric:.2f}, error of the map {fit.held_out_mse:.5f}, "
            f"of the identity {fit.identity_mse:.5f}, {time.perf_counter() - started:.1f} s",
            flush=True,
        )
