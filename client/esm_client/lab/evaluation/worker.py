"""The process that fine-tunes and scores for a grid on one device."""

import json
import shutil
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import TypeAdapter

from esm_client.core.artifact.directory import EsmArtifact
from esm_client.core.errors import InvalidInput
from esm_client.core.progress import Progress
from esm_client.core.shield.overlap import MIN_MATCHES
from esm_client.core.shield.source import SourceSketches, TargetHashes
from esm_client.core.shield.texts import text_hashes
from esm_client.lab.build.reading import read_data_set
from esm_client.lab.data.task import TextTask
from esm_client.lab.embedding import Embedder
from esm_client.lab.evaluation.plan import EvaluationPlan
from esm_client.lab.evaluation.records import SETTINGS, Record
from esm_client.lab.evaluation.requests import SourceRequest, TargetRequest
from esm_client.lab.evaluation.split_task import SplitTask, read_target
from esm_client.lab.evaluation.transfer import transfer
from esm_client.lab.extras import require
from esm_client.lab.probes import ProbeRecipe
from esm_client.lab.processes.messages import Done, Fact, Step
from esm_client.lab.processes.process import Tell, serve
from esm_client.lab.progress import labelled
from esm_client.lab.selection.candidate import Candidate
from esm_client.lab.selection.ranking import FAILURES, Cell, Kept, make_methods, prepare, score
from esm_client.lab.selection.source_model import SourceModel
from esm_client.lab.selection.target import TargetTask
from esm_client.lab.selection.task_embedding import (
    BATCH_SIZE,
    TaskEmbedding,
    empirical_fisher,
)
from esm_client.lab.training.train import train_esm

MODELS, ESMS, FISHERS = "models", "esms", "fishers"
GPU_BATCH = 256


class _Worker:
    """Keeps the base model, and every target it has met with its embeddings."""

    def __init__(self, device: str, tell: Tell) -> None:
        self._device, self._tell = device, tell
        self._folder: Path | None = None
        self._splits: dict[str, tuple[SplitTask, TargetHashes]] = {}
        self._targets: dict[tuple[str, int], TargetTask] = {}

    def answer(self, request: TargetRequest | SourceRequest) -> Done:
        """Fine-tune without an intermediate task, or on a source and then on targets."""
        self._open(request.folder)
        name, seed = request.name, request.seed
        if isinstance(request, TargetRequest):
            self._target_alone(name, seed)
            return Done({})
        self._source(name, seed, request.transfers, request.scores)
        if not request.keep_models:
            shutil.rmtree(self._path(MODELS, f"{name}-{seed}"), ignore_errors=True)
        return Done({})

    def _open(self, folder: Path) -> None:
        if self._folder == folder:
            return
        settings = json.loads((folder / SETTINGS).read_text())["plan"]
        settings["base_model"].setdefault("views", "none")  # of a time that knew none
        self._folder, self._plan = folder, EvaluationPlan.model_validate(settings)
        choice = self._plan.base_model
        self._embedder = Embedder(
            choice.model, device=self._device, pooling=choice.pooling, name=choice.name,
            max_length=choice.max_length, separator=choice.separator, views=choice.asked_views,
        )  # fmt: skip
        if self._embedder.encoder.device.type == "cuda":
            self._embedder.encoder.batch_size = GPU_BATCH
        self._methods = make_methods(self._plan.methods)

    def _target_alone(self, name: str, seed: int) -> None:
        split, _ = self._split(name)
        recipe = self._data(self._plan.targets, name).recipe
        found = transfer(
            self._embedder.encoder, split, recipe, seed=seed, progress=self._progress(name)
        )
        if TaskEmbedding.name in self._plan.methods:
            with suppress(*FAILURES):  # the transfer is worth keeping all the same
                self._fisher(found.model, name, seed, len(split.training))
        self._record(
            "transfer", source=None, target=name, seed=seed, performance=found.performance,
            metric_name=found.metric_name, seconds=found.seconds,
        )  # fmt: skip

    def _fisher(self, model: SourceModel, name: str, seed: int, trained: int) -> None:
        """Keep what TaskEmb needs of a target for the workers that score it."""
        started = time.perf_counter()
        fisher = empirical_fisher(model, BATCH_SIZE, np.arange(trained))
        path = self._path(FISHERS, f"{name}-{seed}.safetensors")
        path.parent.mkdir(parents=True, exist_ok=True)
        arrays = {key: value.contiguous() for key, value in fisher.items()}
        require("safetensors.torch").save_file(arrays, path)
        self._record("fisher", target=name, seed=seed, seconds=time.perf_counter() - started)

    def _source(self, name: str, seed: int, transfers: list[str], scores: list[str]) -> None:
        task, _ = read_data_set(self._data(self._plan.sources, name))
        candidate = self._candidate(name, seed, task)
        sketches = SourceSketches.of(task.rows)
        apart: list[str] = []
        for target in sorted({*transfers, *scores}):
            overlap = sketches.overlap(self._split(target)[1])
            shared = overlap is not None and overlap.is_shared
            if shared:
                share = overlap.share if overlap else 0.0
                self._record("overlap", source=name, target=target, seed=seed, share=share)
            else:
                apart.append(target)
        self._score(candidate, seed, [target for target in scores if target in apart])
        assert candidate.model is not None  # noqa: S101 - trained a few lines above
        for target in transfers:
            if target not in apart:
                continue
            found = transfer(
                candidate.model.encoder, self._split(target)[0],
                self._data(self._plan.targets, target).recipe, seed=seed,
                progress=self._progress(f"{name} to {target}"),
            )  # fmt: skip
            self._record(
                "transfer", source=name, target=target, seed=seed, performance=found.performance,
                metric_name=found.metric_name, seconds=found.seconds,
            )  # fmt: skip

    def _candidate(self, name: str, seed: int, task: TextTask) -> Candidate:
        """The source as phase 1 leaves it, trained unless it is there from an earlier run."""
        data = self._data(self._plan.sources, name)
        esm, model = self._path(ESMS, f"{name}-{seed}"), self._path(MODELS, f"{name}-{seed}")
        if not (esm.is_dir() and model.is_dir()):
            for leftover in (esm, model):
                shutil.rmtree(leftover, ignore_errors=True)
            model.parent.mkdir(parents=True, exist_ok=True)
            esm.parent.mkdir(parents=True, exist_ok=True)
            started = time.perf_counter()
            artifact = train_esm(
                task, self._embedder, data.recipe, data.fit, seed=seed, keep_model=model,
                progress=self._progress(name), probes=self._plan.base_model.probes,
            )  # fmt: skip
            artifact.write(esm)
            self._record("source", source=name, seed=seed, seconds=time.perf_counter() - started,
                         rows=len(task), kind=task.kind, timings=artifact.provenance["seconds"],
                         fit=artifact.config.fit.model_dump(mode="json")
                         if artifact.config.fit else None)  # fmt: skip
        loaded = SourceModel.load(model, self._embedder, task)
        return Candidate.of_artifact(name, EsmArtifact.read(esm), loaded)

    def _score(self, candidate: Candidate, seed: int, targets: list[str]) -> None:
        kept = {method.name: prepare(method, candidate) for method in self._methods}
        for name in targets:
            target = self._target(name, seed)
            assert candidate.model is not None  # noqa: S101
            _ = target.embeddings, target.vocabulary, target.kind
            started = time.perf_counter()
            target.embedded_by(candidate.model)
            self._record("pass", source=candidate.name, target=name, seed=seed,
                         seconds=time.perf_counter() - started)  # fmt: skip
            cells = {
                method.name: _cell(kept[method.name], score(method, kept[method.name], target))
                for method in self._methods
                if target.kind in method.kinds
            }
            self._record("score", source=candidate.name, target=name, seed=seed, methods=cells)

    def _target(self, name: str, seed: int) -> TargetTask:
        if (name, seed) not in self._targets:
            # jobs come seed by seed, and each target holds numbers for every weight
            self._targets = {key: one for key, one in self._targets.items() if key[1] == seed}
            split, _ = self._split(name)
            target = TargetTask(split.training, self._embedder.encoder, seed=seed)
            path = self._path(FISHERS, f"{name}-{seed}.safetensors")
            if path.exists():
                device = str(self._embedder.encoder.device)
                fisher = require("safetensors.torch").load_file(path, device=device)
                target.keep(TaskEmbedding.name, fisher)
            self._targets[name, seed] = target
        return self._targets[name, seed]

    def _split(self, name: str) -> tuple[SplitTask, TargetHashes]:
        if name not in self._splits:
            plan = self._plan
            data = self._data(plan.targets, name)
            split = read_target(data, plan.target_rows, plan.evaluation_rows)
            hashes = TargetHashes.of(split.joined.rows)
            _check_probes(name, hashes, plan.base_model.probes)
            self._splits[name] = split, hashes
        return self._splits[name]

    def _data(self, data: Iterable[Any], name: str) -> Any:
        return next(one for one in data if one.name == name)

    def _path(self, *parts: str) -> Path:
        assert self._folder is not None  # noqa: S101 - opened by `answer`
        return self._folder.joinpath(*parts)

    def _record(self, what: str, **facts: Any) -> None:
        self._tell(Fact({"what": what, **facts}))

    def _progress(self, label: str) -> Progress:
        return labelled(lambda step, done, total: self._tell(Step(step, done, total)), label)


def _check_probes(target: str, hashes: TargetHashes, probes: ProbeRecipe | None) -> None:
    """No map is judged on texts that it was fitted to; raises InvalidInput."""
    if probes is None or not probes.texts:
        return
    known = text_hashes((text,) if isinstance(text, str) else text for text in probes.texts)
    shared = len(np.intersect1d(hashes.texts, known))
    if shared >= MIN_MATCHES:
        raise InvalidInput(
            f"The probe texts hold {shared} texts of the target {target!r}.",
            "Take its texts out of them, or leave out the target.",
        )


def _cell(kept: Kept, cell: Cell) -> Record:
    return {
        "value": _plain(cell.value), "prepare_seconds": _plain(kept.seconds),
        "seconds": _plain(cell.seconds), "num_bytes": _plain(kept.num_bytes),
        "reason": cell.reason,
    }  # fmt: skip


def _plain(value: Any) -> Any:
    """Numbers that JSON can hold: None for NaN, a list for an array."""
    if isinstance(value, np.ndarray):
        return [float(f"{one:.6g}") for one in value.tolist()]
    return None if value != value else float(value)


if __name__ == "__main__":
    serve(
        TypeAdapter(TargetRequest | SourceRequest),
        lambda device, tell: _Worker(device, tell).answer,
    )
