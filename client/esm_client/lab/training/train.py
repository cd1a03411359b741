"""`train_esm`: from a labelled data set and a base model to an ESM artifact."""

import copy
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from esm_client.core.artifact.config import EsmConfig, Recipe
from esm_client.core.artifact.directory import EsmArtifact
from esm_client.core.errors import Conflict, InvalidDataset, InvalidInput
from esm_client.core.maps.low_rank import LowRankMap
from esm_client.core.maps.storage import EsmMap
from esm_client.core.maps.wide import WideMap
from esm_client.core.schemas import FitReport, ProbeReport, Source
from esm_client.core.spaces import MAX_LENGTH, Pooling
from esm_client.lab.data.task import TextTask
from esm_client.lab.embedding import Embedder
from esm_client.lab.encoder import TextEncoder
from esm_client.lab.probes import EMBEDDING, RECIPE, ProbeRecipe, check_probes, digest_of, held_out
from esm_client.lab.progress import Show
from esm_client.lab.training.card import write_card
from esm_client.lab.training.finetune import FineTuned, fine_tune
from esm_client.lab.training.fit.moments import Floats, mean_squared_error
from esm_client.lab.training.fit.recipe import FitRecipe, FittedMap, ProbePairs, fit_map
from esm_client.lab.training.fit.sgd import (
    SGD_BATCH_SIZE,
    SGD_EPOCHS,
    SGD_LEARNING_RATE,
    SGD_WEIGHT_DECAY,
)
from esm_client.lab.training.provenance import Clock, provenance
from esm_client.lab.training.recipe import FineTuneRecipe
from esm_client.lab.training.source_model import load_source_model, save_source_model
from esm_client.lab.training.summary import summarise

HELD_OUT_SHARE = 0.1
MAX_HELD_OUT_ROWS = 1000
MIN_ROWS = 20


def train_esm(
    task: TextTask,
    base_model: str | Path | Embedder,
    recipe: FineTuneRecipe | None = None,
    fit: FitRecipe | None = None,
    *,
    source_model: str | Path | None = None,
    source: Source | None = None,
    seed: int = 42,
    device: str = "auto",
    pooling: Pooling | None = None,
    max_length: int = MAX_LENGTH,
    progress: Show = None,
    keep_model: Path | None = None,
    shield: bool = True,
    checkpoint: Path | None = None,
    probes: ProbeRecipe | None = None,
) -> EsmArtifact:
    """Train an embedding space map (Schulte et al. 2024, section 3; phase 1).

    Fine-tunes a copy of the base model on the task, embeds the texts with both, and fits the
    map. A tenth of the rows (at most 1 000) is kept out of the fine-tuning and of the fit: the
    validation metric and both errors of the report are measured on it. In a space with views the
    map reads these too, and is fitted to probe rows beside the task's own. On the CPU with one
    number of threads, the same call gives the same digest.

    Args:
        task: at least 20 rows.
        base_model: a folder, a hub id, or an Embedder, which then brings its own device,
            pooling and max_length.
        recipe, fit: of the fine-tuning and of the map; the defaults are good.
        source_model: a model that is fine-tuned already, folder or hub id: nothing is trained,
            and no metric reported. If it saw the held-out rows, so did the map's target.
        source: where the data set lies and under which licence, for the card.
        seed: of the held-out rows, the head's first weights, the batches and the dropout.
        keep_model: a new folder for the source model; `save_source_model` says what lies there.
        shield: whether the summary holds a sketch of the task's rows, by which users find out
            that the source holds rows of their target (core.shield says what it reveals), and
            the set of tokens that occur.
        checkpoint: as fine_tune has it.
        probes: what the map is fitted to beside the task's rows in a space with views; default:
            3 000 rows of random tokens.

    Raises InvalidDataset for too few rows, Conflict if `keep_model` exists, InvalidInput for probes
    in a space without views or of a map that is not fitted in closed form, and what Embedder and
    fine_tune raise.
    """
    _check_request(task, keep_model)
    recipe, fit = recipe or FineTuneRecipe(), fit or FitRecipe()
    embedder = (
        base_model
        if isinstance(base_model, Embedder)
        else Embedder(base_model, device=device, pooling=pooling, max_length=max_length)
    )
    check_probes(probes, embedder.identity.views)
    if probes is not None and fit.chosen_solver != "ridge":
        raise InvalidInput(
            f"A {fit.architecture} map that is trained by gradient descent takes no probe rows.",
            "Use a low-rank map, or leave the probe rows out.",
        )
    clock, (held_out, rows) = Clock(), split_rows(len(task), seed)
    with clock.step("embed_base"):
        base = embedder.embed(task.texts, progress=progress)
    with clock.step("fine_tune"):
        copied = copy.deepcopy(embedder.encoder.model)
        encoder = embedder.encoder.with_model(copied)
        if source_model is None:
            tuned = fine_tune(
                encoder, task, recipe, held_out=held_out, seed=seed, progress=progress,
                checkpoint=checkpoint,
            )  # fmt: skip
        else:
            encoder, tuned = load_source_model(source_model, embedder), None
    with clock.step("embed_tuned"):
        imitated = encoder.embed(task.texts, progress=progress)
    probed = _probed(embedder, encoder, fit, probes or ProbeRecipe(), progress, clock)
    if keep_model is not None and tuned is not None:
        save_source_model(keep_model, tuned, embedder.encoder, task)
    with clock.step("fit"):
        fitted = fit_map(base, imitated, rows, fit, probes=probed and probed.fitted, seed=seed)
    config = EsmConfig(
        base_model=embedder.identity.base_model,
        task=task.source_task,
        architecture=fitted.map.architecture,
        dimension=fitted.map.dimension,
        space=embedder.identity,
        recipe=_stated(recipe if tuned else None, fit),
        fit=_report(fitted, base[held_out], imitated[held_out], tuned, fit, probed),
    )
    return EsmArtifact(
        config=config,
        map=fitted.map,
        summary={**summarise(task, base, embedder, shield=shield), **fitted.beside},
        card=write_card(config, source),
        provenance=provenance(embedder, clock, seed, tuned, task),
        source=source or Source(),
    )


def with_source(artifact: EsmArtifact, source: Source) -> EsmArtifact:
    """The same ESM and what is known of its source, in its card too."""
    return replace(artifact, source=source, card=write_card(artifact.config, source))


def _check_request(task: TextTask, keep_model: Path | None) -> None:
    if len(task) < MIN_ROWS:
        raise InvalidDataset(
            f"The task has {len(task)} rows; an ESM needs at least {MIN_ROWS}.",
            "Use a larger data set; some hundred rows are a good start.",
        )
    if keep_model is not None and keep_model.exists():
        raise Conflict(f"{keep_model} exists already.", "Choose another folder or remove it.")


def split_rows(rows: int, seed: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Row numbers held out of an ESM's fine-tuning, and the others, both in their order."""
    order = np.random.default_rng(seed).permutation(rows)
    held = min(MAX_HELD_OUT_ROWS, max(2, round(HELD_OUT_SHARE * rows)))
    return np.sort(order[:held]), np.sort(order[held:])


@dataclass(frozen=True)
class _Probed:
    """What both models make of probe rows, (N, Z) and (N, D)."""

    recipe: ProbeRecipe
    digest: str
    base: Floats
    tuned: Floats

    @property
    def fitted(self) -> ProbePairs:
        """Those that the map is fitted to."""
        kept = ~held_out(len(self.base))
        return ProbePairs(self.base[kept], self.tuned[kept], own_rows=self.recipe.own_rows)

    def report(self, esm_map: EsmMap) -> ProbeReport:
        """What the others say of a map."""
        held = held_out(len(self.base))
        base, tuned = self.base[held][:, : esm_map.width], self.tuned[held]
        return ProbeReport(
            recipe=RECIPE,
            texts=len(self.recipe.texts),
            digest=self.digest,
            own_rows=self.recipe.own_rows,
            held_out_rows=len(base),
            **_errors(esm_map, base, tuned),
        )


def _probed(
    embedder: Embedder,
    tuned: TextEncoder,
    fit: FitRecipe,
    recipe: ProbeRecipe,
    progress: Show,
    clock: Clock,
) -> _Probed | None:
    """None in a space without views, and for maps that are trained by gradient descent."""
    if embedder.identity.views is None or fit.chosen_solver != "ridge":
        return None
    with clock.step("embed_probes"):
        rows, base = embedder.embed_probes(recipe, progress=progress)
        imitated = tuned.embed_tokens(rows, what=EMBEDDING, progress=progress)
    return _Probed(recipe, digest_of(rows), base, imitated)


def _report(
    fitted: FittedMap,
    base: NDArray[np.float32],
    imitated: NDArray[np.float32],
    tuned: FineTuned | None,
    fit: FitRecipe,
    probed: _Probed | None,
) -> FitReport:
    """What the held-out rows say, in six digits: more would be noise in a digest."""
    base = base[:, : fitted.map.width]
    metric = None if tuned is None or tuned.metric is None else tuned.metric
    return FitReport(
        solver=fit.chosen_solver,
        held_out_rows=len(base),
        **_errors(fitted.map, base, imitated),
        probes=probed and probed.report(fitted.map),
        rank=fitted.map.rank if isinstance(fitted.map, LowRankMap | WideMap) else None,
        ridge_lambda=fitted.ridge_lambda,
        validation_metric=None if metric is None else _six_digits(metric),
        validation_metric_name=None if metric is None or tuned is None else tuned.metric_name,
    )


def _errors(esm_map: EsmMap, base: Floats, imitated: Floats) -> dict[str, float]:
    """Of the map and of the identity, by their names in a report."""
    identity = base[:, : imitated.shape[1]]
    return {
        "held_out_mse": _six_digits(mean_squared_error(esm_map.apply(base), imitated)),
        "identity_mse": _six_digits(mean_squared_error(identity, imitated)),
    }


def _six_digits(value: float) -> float:
    return float(f"{value:.6g}")


def _stated(recipe: FineTuneRecipe | None, fit: FitRecipe) -> Recipe:
    """The recipe in the words of hf-dataset-selector's configuration."""
    stated = Recipe(
        lm_num_epochs=recipe.epochs,
        lm_batch_size=recipe.batch_size,
        lm_learning_rate=recipe.learning_rate,
        lm_weight_decay=recipe.weight_decay,
        lm_optimizer="AdamW",
    ) if recipe else Recipe()  # fmt: skip
    if fit.chosen_solver == "ridge":
        return stated.model_copy(update={"esm_optimizer": "ridge"})
    paper = {
        "esm_num_epochs": SGD_EPOCHS,
        "esm_batch_size": SGD_BATCH_SIZE,
        "esm_learning_rate": SGD_LEARNING_RATE,
        "esm_weight_decay": SGD_WEIGHT_DECAY,
        "esm_optimizer": "AdamW",
    }
    return stated.model_copy(update=paper)
