"""The process that builds ESMs on one device."""

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from esm_client.core.errors import Conflict
from esm_client.core.maps.storage import dump_map
from esm_client.lab.build.jobs import KEY, Job, probes_key
from esm_client.lab.build.plan import BaseModelChoice
from esm_client.lab.build.reading import read_data_set
from esm_client.lab.build.requests import BuildRequest, DataFacts, ReadRequest
from esm_client.lab.data.task import TextTask
from esm_client.lab.embedding import Embedder
from esm_client.lab.processes.messages import Done, Step
from esm_client.lab.processes.process import Tell, serve
from esm_client.lab.progress import labelled
from esm_client.lab.training.train import train_esm

WORK = ".work"


class _Worker:
    """Reads data sets and builds ESMs, one at a time; keeps the base model it used last."""

    def __init__(self, device: str, tell: Tell) -> None:
        self._device, self._tell = device, tell
        self._embedder: tuple[BaseModelChoice, Embedder] | None = None

    def answer(self, request: ReadRequest | BuildRequest) -> Done:
        """Read a data set, or build an ESM."""
        if isinstance(request, ReadRequest):
            return Done(_facts(*read_data_set(request.data)).model_dump())
        job = Job(request.data, request.base_model, request.space, request.model_key)
        return Done(self._build(job, request.output))

    def _build(self, job: Job, output: Path) -> dict[str, Any]:
        probes = job.base_model.probes
        if probes is not None and probes_key(probes) not in job.model_key:
            raise Conflict(
                f"The probe texts in {job.base_model.probe} have changed since the build began.",
                "Build again: what is there of other texts is built anew.",
            )
        task, _ = read_data_set(job.data)
        embedder = self._base_model(job.base_model)
        target, work = job.folder(output), output / WORK / job.space / job.data.name
        digest = task.source_task.rows_digest or ""
        kept = work / "model" if job.data.keep_model else None
        if kept is not None:
            shutil.rmtree(kept, ignore_errors=True)
        artifact = train_esm(
            task,
            embedder,
            job.data.recipe,
            job.data.fit,
            source=job.data.source,
            seed=job.data.seed,
            progress=labelled(self._progress, job.label),
            keep_model=kept,
            shield=job.data.shield,
            checkpoint=work / job.key(digest)[:16],
            probes=probes,
        )
        known = {**artifact.provenance, KEY: job.key(digest), "notes": list(task.notes)}
        artifact = replace(artifact, provenance=known)
        if kept is not None:
            model = target.with_name(f"{target.name}.model")
            shutil.rmtree(model, ignore_errors=True)
            model.parent.mkdir(parents=True, exist_ok=True)
            kept.rename(model)
        if target.exists():  # made of other rows or in another way
            shutil.rmtree(work / "old", ignore_errors=True)
            work.mkdir(parents=True, exist_ok=True)
            target.rename(work / "old")
        artifact.write(target)
        shutil.rmtree(work, ignore_errors=True)
        return {"bytes": len(dump_map(artifact.map)), "rows": len(task)}

    def _base_model(self, choice: BaseModelChoice) -> Embedder:
        if self._embedder is None or self._embedder[0] != choice:
            self._embedder = None  # two large models need not fit
            loaded = Embedder(
                choice.model, device=self._device, pooling=choice.pooling, name=choice.name,
                max_length=choice.max_length, separator=choice.separator, views=choice.asked_views,
            )  # fmt: skip
            self._embedder = choice, loaded
        return self._embedder[1]

    def _progress(self, step: str, done: int, total: int) -> None:
        self._tell(Step(step, done, total))


def _facts(task: TextTask, warned: list[str]) -> DataFacts:
    source = task.source_task
    return DataFacts(
        rows=len(task),
        rows_digest=source.rows_digest or "",
        kind=task.kind,
        columns=[*source.text_columns, source.label_column or ""],
        notes=[*task.notes, *warned],
    )


if __name__ == "__main__":
    serve(
        TypeAdapter(ReadRequest | BuildRequest),
        lambda device, tell: _Worker(device, tell).answer,
    )
