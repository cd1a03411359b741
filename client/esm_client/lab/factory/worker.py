"""The process that does the work on one device: jobs come in as lines of JSON, events go out.

Its own process, because a job may exhaust the memory and take its process with it.
"""

import json
import os
import shutil
import sys
import threading
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from queue import SimpleQueue
from typing import IO, Any

from esm_client.core.errors import EsmError
from esm_client.core.maps.storage import dump_map
from esm_client.lab.data.loading import load_task
from esm_client.lab.data.task import TextTask
from esm_client.lab.embedding import Embedder
from esm_client.lab.factory.jobs import KEY, Job
from esm_client.lab.factory.plan import BaseModelChoice, DataSet
from esm_client.lab.training.train import train_esm

WORK = ".work"
Event = dict[str, Any]


def main() -> None:
    """Read jobs from stdin until it ends; write events to what was stdout."""
    device, threads = sys.argv[1], int(sys.argv[2])
    events = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # whatever libraries print is no event
    import torch

    torch.set_num_threads(threads)
    jobs: SimpleQueue[Event] = SimpleQueue()
    threading.Thread(target=_listen, args=(jobs,), daemon=True).start()
    worker = _Worker(device, lambda event: _tell(events, event))
    while True:
        worker.answer(jobs.get())


def _listen(jobs: "SimpleQueue[Event]") -> None:
    """Take lines as they come; when the other side is gone, nobody wants the work any more."""
    for line in sys.stdin:
        jobs.put(json.loads(line))
    os._exit(0)


def _tell(events: IO[str], event: Event) -> None:
    events.write(json.dumps(event) + "\n")
    events.flush()


class _Worker:
    """Reads data sets and builds ESMs, one at a time; keeps the base model it used last."""

    def __init__(self, device: str, tell: Callable[[Event], None]) -> None:
        self._device, self._tell = device, tell
        self._embedder: tuple[BaseModelChoice, Embedder] | None = None

    def answer(self, request: Event) -> None:
        """Do one thing; whatever goes wrong is an event, and the next one is done."""
        try:
            data = DataSet.model_validate(request["data"])
            if request["do"] == "read":
                self._tell({"event": "read", **_described(*_load(data))})
            else:
                choice = BaseModelChoice.model_validate(request["base_model"])
                job = Job(data, choice, request["space"], request["model_key"])
                self._tell({"event": "built", **self._build(job, Path(request["output"]))})
        except EsmError as error:
            self._tell({"event": "failed", "reason": error.message, "hint": error.hint})
        except MemoryError:
            self._tell({"event": "failed", "reason": "The memory did not suffice.", "hint": ""})
        except Exception as error:  # one bad data set must not stop the others
            import traceback

            traceback.print_exc()
            reason = f"{type(error).__name__}: {str(error)[:300]}"
            self._tell({"event": "failed", "reason": reason, "hint": "See the worker's log."})

    def _build(self, job: Job, output: Path) -> Event:
        task, _ = _load(job.data)
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


def _load(data: DataSet) -> tuple[TextTask, list[str]]:
    """The task, and what was warned of."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        task = load_task(
            data.data,
            text_columns=data.text_columns,
            label_column=data.label_column,
            kind=data.kind,
            limit_rows=data.limit_rows,
            seed=data.seed,
            subset=data.subset,
            split=data.split,
            revision=data.data_revision,
            streaming=data.streaming,
            delimiter=data.delimiter,
            unlabelled=data.unlabelled,
            accept_doubts=data.accept_doubts,
            name=data.name,
            language=data.language,
        )
    return task, [str(warning.message) for warning in caught if warning.category is UserWarning]


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
    main()
