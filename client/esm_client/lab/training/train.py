"""`train_esm`: from a labelled data set and a base model to an ESM artifact."""

import copy
import time
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from esm_client.core.artifact.config import EsmConfig, Recipe
from esm_client.core.artifact.directory import EsmArtifact
from esm_client.core.artifact.weights import AffineMap
from esm_client.core.errors import Conflict, InvalidDataset, InvalidInput
from esm_client.core.schemas import FitReport
from esm_client.core.shield.source import SourceSketches
from esm_client.core.spaces import MAX_LENGTH, Pooling
from esm_client.lab.data.task import TextTask
from esm_client.lab.embedding import Embedder
from esm_client.lab.encoder import TextEncoder
from esm_client.lab.training.card import write_card
from esm_client.lab.training.finetune import FineTuned, fine_tune
from esm_client.lab.training.fit import (
    SGD_BATCH_SIZE,
    SGD_EPOCHS,
    SGD_LEARNING_RATE,
    SGD_WEIGHT_DECAY,
    fit_ridge,
    fit_sgd,
    mean_squared_error,
)
from esm_client.lab.training.source_model import save_source_model

Solver = Literal["ridge", "sgd"]
HELD_OUT_SHARE = 0.1
MAX_HELD_OUT_ROWS = 1000
MIN_ROWS = 20
WEIGHT_DECAY = 0.01


def train_esm(
    task: TextTask,
    base_model: str | Path | Embedder,
    *,
    epochs: int = 3,
    learning_rate: float = 2e-5,
    batch_size: int = 32,
    solver: Solver = "ridge",
    seed: int = 42,
    device: str = "auto",
    pooling: Pooling | None = None,
    max_length: int = MAX_LENGTH,
    progress: bool | None = None,
    keep_model: Path | None = None,
    shield: bool = True,
) -> EsmArtifact:
    """Train an embedding space map (Schulte et al. 2024, section 3; phase 1).

    Fine-tunes a copy of the base model on the task, embeds the texts with both, and fits the
    map. A tenth of the rows (at most 1 000) is kept out of the fine-tuning and of the fit: the
    validation metric and both errors of the report are measured on it. On the CPU with one
    number of threads, the same call gives the same digest.

    Args:
        task: at least 20 rows.
        base_model: a folder, a hub id, or an Embedder, which then brings its own device,
            pooling and max_length.
        epochs, learning_rate, batch_size: of the fine-tuning.
        solver: "ridge", the exact minimum of the penalised squared error, or "sgd", the paper's.
        seed: of the held-out rows, the head's first weights, the batches and the dropout.
        shield: whether the summary holds a sketch of the task's rows, by which users find out
            that the source holds rows of their target (core.shield says what it reveals).
        keep_model: a new folder for the source model; `save_source_model` says what lies there.

    Raises InvalidDataset for too few rows, Conflict if `keep_model` exists, and what Embedder
    and fine_tune raise.
    """
    _check_request(task, solver, keep_model)
    embedder = (
        base_model
        if isinstance(base_model, Embedder)
        else Embedder(base_model, device=device, pooling=pooling, max_length=max_length)
    )
    clock, (held_out, rows) = _Clock(), _split(len(task), seed)
    with clock.step("embed_base"):
        base = embedder.embed(task.texts, progress=progress)
    with clock.step("fine_tune"):
        tuned = _fine_tune_copy(
            embedder.encoder,
            task,
            held_out=held_out,
            epochs=epochs,
            learning_rate=learning_rate,
            batch_size=batch_size,
            weight_decay=WEIGHT_DECAY,
            seed=seed,
            device=embedder.device,
            progress=progress,
        )
    with clock.step("embed_tuned"):
        source = embedder.encoder.with_model(tuned.model).embed(task.texts, progress=progress)
    if keep_model is not None:
        save_source_model(keep_model, tuned, embedder.encoder, task)
    with clock.step("fit"):
        affine, ridge_lambda = _fit(base[rows], source[rows], solver, seed)
    config = EsmConfig(
        base_model=embedder.identity.base_model,
        task=task.source_task,
        dimension=affine.dimension,
        space=embedder.identity,
        recipe=_recipe(epochs, learning_rate, batch_size, solver),
        fit=_report(affine, base[held_out], source[held_out], tuned, solver, ridge_lambda),
    )
    return EsmArtifact(
        config=config,
        map=affine,
        summary={
            "text_embedding": base.mean(axis=0, dtype=np.float64).astype(np.float32),
            "canaries": np.array(embedder.fingerprint.canaries, dtype=np.float32),
            **(SourceSketches.of(task.rows).tensors() if shield else {}),
        },
        card=write_card(config),
        provenance=_provenance(embedder, clock, seed),
    )


def _check_request(task: TextTask, solver: str, keep_model: Path | None) -> None:
    if solver not in ("ridge", "sgd"):
        raise InvalidInput(f"{solver!r} is no solver.", 'Use solver="ridge" or solver="sgd".')
    if len(task) < MIN_ROWS:
        raise InvalidDataset(
            f"The task has {len(task)} rows; an ESM needs at least {MIN_ROWS}.",
            "Use a larger data set; some hundred rows are a good start.",
        )
    if keep_model is not None and keep_model.exists():
        raise Conflict(f"{keep_model} exists already.", "Choose another folder or remove it.")


def _split(rows: int, seed: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Row numbers held out, and the others, both in their order."""
    order = np.random.default_rng(seed).permutation(rows)
    held = min(MAX_HELD_OUT_ROWS, max(2, round(HELD_OUT_SHARE * rows)))
    return np.sort(order[:held]), np.sort(order[held:])


def _fine_tune_copy(base: TextEncoder, task: TextTask, **settings: Any) -> FineTuned:
    """Fine-tune a copy of the base model in its own embedding space."""
    return fine_tune(
        copy.deepcopy(base.model),
        base.tokenizer,
        task,
        pooling=base.pooling,
        max_length=base.max_length,
        separator=base.separator,
        **settings,
    )


def _fit(
    base: NDArray[np.float32], target: NDArray[np.float32], solver: Solver, seed: int
) -> tuple[AffineMap, float | None]:
    """The map in float32, as it is stored, and the ridge's relative penalty."""
    if solver == "sgd":
        return fit_sgd(base, target, seed=seed), None
    fitted = fit_ridge(base, target, seed=seed)
    weight, bias = fitted.map.weight, fitted.map.bias
    return AffineMap(weight.astype(np.float32), bias.astype(np.float32)), fitted.ridge_lambda


def _report(
    affine: AffineMap,
    base: NDArray[np.float32],
    source: NDArray[np.float32],
    tuned: FineTuned,
    solver: Solver,
    ridge_lambda: float | None,
) -> FitReport:
    """What the held-out rows say, in six digits: more would be noise in a digest."""
    numbers = {
        "held_out_mse": mean_squared_error(affine.apply(base), source),
        "identity_mse": mean_squared_error(base, source),
        **({} if tuned.metric is None else {"validation_metric": tuned.metric}),
    }
    return FitReport(
        solver=solver,
        held_out_rows=len(base),
        ridge_lambda=ridge_lambda,
        validation_metric_name=None if tuned.metric is None else tuned.metric_name,
        **{name: float(f"{value:.6g}") for name, value in numbers.items()},
    )


def _recipe(epochs: int, learning_rate: float, batch_size: int, solver: Solver) -> Recipe:
    fine_tuning: dict[str, Any] = {
        "lm_num_epochs": epochs,
        "lm_batch_size": batch_size,
        "lm_learning_rate": learning_rate,
        "lm_weight_decay": WEIGHT_DECAY,
        "lm_optimizer": "AdamW",
    }
    if solver == "ridge":
        return Recipe(**fine_tuning, esm_optimizer="ridge")
    return Recipe(
        **fine_tuning,
        esm_num_epochs=SGD_EPOCHS,
        esm_batch_size=SGD_BATCH_SIZE,
        esm_learning_rate=SGD_LEARNING_RATE,
        esm_weight_decay=SGD_WEIGHT_DECAY,
        esm_optimizer="AdamW",
    )


class _Clock:
    """Seconds by step."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def step(self, name: str) -> Generator[None]:
        start = time.perf_counter()
        yield
        self.seconds[name] = round(time.perf_counter() - start, 3)


def _provenance(embedder: Embedder, clock: _Clock, seed: int) -> dict[str, Any]:
    fingerprint = embedder.fingerprint
    return {
        "created_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "device": embedder.device,
        "seconds": clock.seconds,
        "seed": seed,
        "tokenizer_digest": fingerprint.tokenizer_digest,
        "versions": {name: version(name) for name in ("numpy", "torch", "transformers")},
        "weight_digest": fingerprint.weight_digest,
    }
