"""`build`: all ESMs of a plan, whatever happens on the way."""

import time
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from threading import Lock
from typing import Any, Protocol

from esm_client.core.disk import disk_errors
from esm_client.core.errors import Conflict, EsmError
from esm_client.lab.build.jobs import Job, make_jobs
from esm_client.lab.build.plan import DataSet, Plan
from esm_client.lab.build.report import BuildReport, BuildRow, finished_row
from esm_client.lab.processes.workers import Workers, choose_devices

Push = Callable[[Path, BuildRow], str]
"""Publishes an ESM directory and gives its reference; an EsmError is noted, and stops nothing."""


class BuildWatch(Protocol):
    """Told what goes on, from several threads."""

    def plan(self, total: int) -> None:
        """So many ESMs are to be built now."""
        ...

    def progress(self, worker: int, label: str, step: str, done: int, total: int) -> None:
        """A worker is at so much of a step."""
        ...

    def done(self, row: BuildRow) -> None:
        """One ESM is built, or is not."""
        ...


def build(
    plan: Plan,
    output: Path,
    *,
    devices: Sequence[str] = (),
    workers: int | None = None,
    threads: int | None = None,
    push: Push | None = None,
    force: bool = False,
    dry_run: bool = False,
    watch: BuildWatch | None = None,
) -> BuildReport:
    """Build what is missing of a plan's ESMs into `output`/SPACE/NAME.

    First all data sets are read, so that whatever is wrong with one shows before hours of
    training; then ESMs are built, each in a process of its own device. One that fails stops no
    other. A run that was killed goes on where it was: an ESM that is there, made of the same
    rows with the same recipes and base model, is kept, and a fine-tuning goes on from its last
    checkpoint. Data sets with the same rows as an earlier one of the plan are not built again.

    Args:
        devices: torch devices; none for every CUDA device, else MPS or the CPU.
        workers: processes per device, one unless said; threads: CPU threads of each, by default
            the machine's shared evenly.
        push: called with each ESM that is better than the identity map, or, with `force`, all.
        dry_run: read the data sets and build nothing.

    Raises InvalidInput for a plan that cannot be used, Conflict where another build is at work
    in `output`.
    """
    started = time.monotonic()
    jobs = make_jobs(plan)
    with alone(output), _crew(devices, workers, threads, output) as crew:
        read = _read_all(crew, plan.data)
        run = _Build(jobs, read, output, push if not dry_run else None, force, watch)
        if not dry_run:
            run.build(crew)
    return BuildReport(run.rows(), round(time.monotonic() - started, 1))


def _crew(
    devices: Sequence[str], workers: int | None, threads: int | None, output: Path
) -> Workers[Any]:
    return Workers(choose_devices(devices, workers), threads, output / ".log")


def _read_all(crew: Workers[Any], data: Sequence[DataSet]) -> dict[str, dict[str, Any]]:
    """What the workers say of each data set: read, or failed."""
    found: dict[str, dict[str, Any]] = {}

    def tell(_: int, entry: DataSet, event: dict[str, Any]) -> None:
        found[entry.name] = event

    requests = [(entry, {"do": "read", "data": entry.model_dump(mode="json")}) for entry in data]
    crew.run(requests, tell)
    return found


class _Build:
    """One run: what is known of each job, as it becomes known."""

    def __init__(
        self,
        jobs: Sequence[Job],
        read: dict[str, dict[str, Any]],
        output: Path,
        push: Push | None,
        force: bool,
        watch: BuildWatch | None,
    ) -> None:
        self._jobs, self._output = jobs, output
        self._push, self._force, self._watch = push, force, watch
        self._lock = Lock()
        first_of: dict[str, str] = {}
        self._digests: dict[str, str] = {}
        for name, event in ((job.data.name, read[job.data.name]) for job in jobs):
            if event["event"] == "read":
                self._digests[name] = event["rows_digest"]
                first_of.setdefault(event["rows_digest"], name)
        self._rows = {job: self._first_look(job, read[job.data.name], first_of) for job in jobs}

    def rows(self) -> list[BuildRow]:
        """All rows, in the order of the plan."""
        return [self._rows[job] for job in self._jobs]

    def build(self, crew: Workers[Any]) -> None:
        """Build what is ready, and push what was kept."""
        for job in self._jobs:
            if self._rows[job].path is not None:
                self._finish(job)
        ready = [job for job in self._jobs if self._rows[job].outcome == "ready"]
        if self._watch is not None:
            self._watch.plan(len(ready))
        crew.run([(job, self._request(job)) for job in ready], self._hear)

    def _first_look(self, job: Job, event: dict[str, Any], first_of: dict[str, str]) -> BuildRow:
        row = BuildRow(job.data.name, job.space, "failed")
        if event["event"] != "read":
            return replace(row, reason=event["reason"], hint=event["hint"])
        row = replace(
            row, rows=event["rows"], kind=event["kind"], columns=event["columns"],
            notes=event["notes"],
        )  # fmt: skip
        digest = event["rows_digest"]
        if first_of[digest] != job.data.name:
            return replace(row, outcome="duplicate", reason=f"The same rows as {first_of[digest]}.")
        if job.is_done(self._output, digest):
            return finished_row(replace(row, outcome="kept"), job.folder(self._output))
        return replace(row, outcome="ready")

    def _request(self, job: Job) -> dict[str, Any]:
        return {
            "do": "build",
            "data": job.data.model_dump(mode="json"),
            "base_model": job.base_model.model_dump(mode="json"),
            "space": job.space,
            "model_key": job.model_key,
            "output": str(self._output),
        }

    def _hear(self, worker: int, job: Job, event: dict[str, Any]) -> None:
        if event["event"] == "progress":
            if self._watch is not None:
                self._watch.progress(
                    worker, job.label, event["step"], event["done"], event["total"]
                )
            return
        with self._lock:
            row = self._rows[job]
            if event["event"] == "built":
                self._rows[job] = replace(row, outcome="built")
                self._finish(job)
            else:
                reason = {"reason": event["reason"], "hint": event["hint"]}
                self._rows[job] = replace(row, outcome="failed", **reason)
            if self._watch is not None:
                self._watch.done(self._rows[job])

    def _finish(self, job: Job) -> None:
        """Complete the row of an ESM that is there, and push it."""
        folder = job.folder(self._output)
        row = finished_row(self._rows[job], folder)
        if self._push is not None and (row.outcome != "worse" or self._force):
            try:
                row = replace(row, pushed=self._push(folder, row))
            except EsmError as error:
                row = replace(row, push_error=str(error))
        self._rows[job] = row


@contextmanager
def alone(output: Path) -> Generator[None]:
    """Keep another build out of the same folder, on systems that have locks for that."""
    with disk_errors(output, "Name a folder that you may write to."):
        output.mkdir(parents=True, exist_ok=True)
        lock = (output / ".lock").open("w")
    with lock:
        try:
            import fcntl
        except ImportError:
            yield
            return
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as cause:
            raise Conflict(
                f"Another run is at work in {output}.", "Wait for it, or name another folder."
            ) from cause
        yield
