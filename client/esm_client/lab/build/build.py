"""`build_plan`: all ESMs of a plan, whatever happens on the way."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from threading import Lock
from typing import Any

from esm_client.core.errors import EsmError
from esm_client.core.progress import Progress, unheard
from esm_client.lab.build.jobs import Job, make_jobs
from esm_client.lab.build.plan import DataSet, Plan
from esm_client.lab.build.report import BuildReport, BuildRow, finished_row
from esm_client.lab.build.requests import WORKER, BuildRequest, DataFacts, ReadRequest
from esm_client.lab.processes.lock import alone
from esm_client.lab.processes.messages import Done, Event, Failed
from esm_client.lab.processes.workers import Workers, choose_devices
from esm_client.lab.progress import Show, shown

Push = Callable[[Path, BuildRow], str]
"""Publishes an ESM directory and gives its reference; an EsmError is noted, and stops nothing."""
OnBuilt = Callable[[BuildRow], None]
READING, BUILDING = "Reading data sets", "Building ESMs"
"""The steps that count data sets and ESMs."""


def build_plan(
    plan: Plan,
    output: Path,
    *,
    devices: Sequence[str] = (),
    workers: int | None = None,
    threads: int | None = None,
    push: Push | None = None,
    force: bool = False,
    dry_run: bool = False,
    progress: Show = None,
    on_result: OnBuilt = unheard,
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
        progress: told from several threads. on_result: told of each ESM that is built, or is not.

    Raises InvalidInput for a plan that cannot be used, Conflict where another build is at work
    in `output`.
    """
    started = time.monotonic()
    jobs = make_jobs(plan)
    with alone(output), _crew(devices, workers, threads, output) as crew, shown(progress) as told:
        read = _read_all(crew, plan.data, told)
        run = _Build(jobs, read, output, push if not dry_run else None, force, told, on_result)
        if not dry_run:
            run.build(crew)
    return BuildReport(run.rows(), round(time.monotonic() - started, 1))


def _crew(
    devices: Sequence[str], workers: int | None, threads: int | None, output: Path
) -> Workers[Any]:
    return Workers(choose_devices(devices, workers), threads, output / ".log", WORKER)


def _read_all(
    crew: Workers[DataSet], data: Sequence[DataSet], progress: Progress
) -> dict[str, DataFacts | Failed]:
    """What the workers say of each data set."""
    found: dict[str, DataFacts | Failed] = {}

    def hear(_: int, entry: DataSet, event: Event) -> None:
        if isinstance(event, Done):
            found[entry.name] = DataFacts.model_validate(event.content)
        elif isinstance(event, Failed):
            found[entry.name] = event
        progress(READING, len(found), len(data))

    crew.run([(entry, ReadRequest(data=entry)) for entry in data], hear, progress)
    return found


class _Build:
    """One run: what is known of each job, as it becomes known."""

    def __init__(
        self,
        jobs: Sequence[Job],
        read: Mapping[str, DataFacts | Failed],
        output: Path,
        push: Push | None,
        force: bool,
        progress: Progress,
        on_result: OnBuilt,
    ) -> None:
        self._jobs, self._output = jobs, output
        self._push, self._force = push, force
        self._progress, self._on_result = progress, on_result
        self._lock = Lock()
        first_of: dict[str, str] = {}
        for name, found in ((job.data.name, read[job.data.name]) for job in jobs):
            if isinstance(found, DataFacts):
                first_of.setdefault(found.rows_digest, name)
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
        self._finished, self._total = 0, len(ready)
        if ready:
            self._progress(BUILDING, 0, self._total)
        crew.run([(job, self._request(job)) for job in ready], self._hear, self._progress)

    def _first_look(
        self, job: Job, found: DataFacts | Failed, first_of: Mapping[str, str]
    ) -> BuildRow:
        row = BuildRow(job.data.name, job.space, "failed")
        if isinstance(found, Failed):
            return replace(row, reason=found.reason, hint=found.hint)
        row = replace(
            row, rows=found.rows, kind=found.kind, columns=found.columns, notes=found.notes
        )
        first = first_of[found.rows_digest]
        if first != job.data.name:
            return replace(row, outcome="duplicate", reason=f"The same rows as {first}.")
        if job.is_done(self._output, found.rows_digest):
            return finished_row(replace(row, outcome="kept"), job.folder(self._output))
        return replace(row, outcome="ready")

    def _request(self, job: Job) -> BuildRequest:
        return BuildRequest(
            data=job.data, base_model=job.base_model, space=job.space, model_key=job.model_key,
            output=self._output,
        )  # fmt: skip

    def _hear(self, _: int, job: Job, event: Event) -> None:
        with self._lock:
            row = self._rows[job]
            if isinstance(event, Failed):
                self._rows[job] = replace(row, reason=event.reason, hint=event.hint,
                                          outcome="failed")  # fmt: skip
            else:
                self._rows[job] = replace(row, outcome="built")
                self._finish(job)
            self._finished += 1
            self._progress(BUILDING, self._finished, self._total)
            self._on_result(self._rows[job])

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
