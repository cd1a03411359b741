"""The process that builds ESMs on one device."""

import shutil
from dataclasses import replace
from pathlib import Path

from esm_client.core.maps.storage import dump_map
from esm_client.lab.build.jobs import KEY, Job
from esm_client.lab.build.plan import BaseModelChoice, DataSet
from esm_client.lab.build.reading import read_data_set
from esm_client.lab.data.task import TextTask
from esm_client.lab.embedding import Embedder
from esm_client.lab.processes.process import Event, Tell, serve
from esm_client.lab.training.train import train_esm

WORK = ".work"


class _Worker:
    """Reads data sets and builds ESMs, one at a time; keeps the base model it used last."""

    def __init__(self, device: str, tell: Tell) -> None:
        self._device, self._tell = device, tell
        self._embedder: tuple[BaseModelChoice, Embedder] | None = None

    def answer(self, request: Event) -> Event:
        """Read a data set, or build an ESM."""
        data = DataSet.model_validate(request["data"])
        if request["do"] == "read":
            return {"event": "read", **_described(*read_data_set(data))}
        choice = BaseModelChoice.model_validate(request["base_model"])
        job = Job(data, choice, request["space"], request["model_key"])
        return {"event": "built", **self._build(job, Path(request["output"]))}

    def _build(self, job: Job, output: Path) -> Event:
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
            progress=self._progress,
            keep_model=kept,
            shield=job.data.shield,
            checkpoint=work / job.key(digest)[:16],
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
                max_length=choice.max_length, separator=choice.separator,
            )  # fmt: skip
            self._embedder = choice, loaded
        return self._embedder[1]

    def _progress(self, step: str, done: int, total: int) -> None:
        self._tell({"event": "progress", "step": step, "done": done, "total": total})


def _described(task: TextTask, warned: list[str]) -> Event:
    source = task.source_task
    return {
        "rows": len(task),
        "rows_digest": source.rows_digest,
        "kind": task.kind,
        "columns": [*source.text_columns, source.label_column],
        "notes": [*task.notes, *warned],
    }


if __name__ == "__main__":
    serve(lambda device, tell: _Worker(device, tell).answer)
