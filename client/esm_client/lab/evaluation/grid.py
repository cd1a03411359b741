"""The ground truth: every source, then every target, and every method's word on them."""

from collections.abc import Sequence
from pathlib import Path
from threading import Lock
from typing import NamedTuple

from esm_client.core.disk import disk_errors
from esm_client.core.progress import Progress, unheard
from esm_client.lab.evaluation.finished import TRANSFERS, Finished, OnFinished
from esm_client.lab.evaluation.plan import EvaluationPlan
from esm_client.lab.evaluation.records import Record, RecordFile, write_tables
from esm_client.lab.evaluation.requests import WORKER, SourceRequest, TargetRequest
from esm_client.lab.evaluation.transfer_report import NO_SOURCE
from esm_client.lab.processes.lock import alone
from esm_client.lab.processes.messages import Event, Fact, Failed
from esm_client.lab.processes.workers import Workers, choose_devices
from esm_client.lab.progress import Show, shown


class GridResult(NamedTuple):
    """All results that are known, and why sources or targets failed, by name."""

    records: list[Record]
    failed: dict[str, str]


class _Job(NamedTuple):
    name: str
    seed: int


def run_grid(
    plan: EvaluationPlan,
    output: Path,
    *,
    devices: Sequence[str] = (),
    workers: int | None = None,
    threads: int | None = None,
    progress: Show = None,
    on_result: OnFinished = unheard,
) -> GridResult:
    """Fine-tune on every source, then on every target; score every pair by every method.

    Each result is on the disk as soon as it is known, so a run that was killed goes on where it
    was; more seeds may be asked for later. Sources that share rows with a target are left out of
    its pool (core.shield). One that fails stops no other.

    progress: told from several threads. on_result: told of each transfer as soon as it is kept.
    Writes records.jsonl, transfers.parquet and scores.parquet into `output`, and the ESMs.

    Raises Conflict where `output` holds results of other settings or another run is at work.
    """
    with disk_errors(output, "Name a folder that you may write to."), alone(output):
        records = RecordFile(output, plan)
        try:
            with shown(progress) as told, _crew(devices, workers, threads, output) as crew:
                grid = _Grid(plan, output, records, told, on_result)
                crew.run(grid.targets(), grid.hear, told)
                crew.run(grid.sources(), grid.hear, told)
        finally:
            records.close()
            write_tables(output, records.known)
    return GridResult(records.known, grid.failed)


def _crew(
    devices: Sequence[str], workers: int | None, threads: int | None, output: Path
) -> "Workers[_Job]":
    return Workers(choose_devices(devices, workers), threads, output / ".log", WORKER)


class _Grid:
    """What is known, and what is still to be done."""

    def __init__(
        self, plan: EvaluationPlan, output: Path, records: RecordFile, progress: Progress,
        on_result: OnFinished,
    ) -> None:  # fmt: skip
        self._plan, self._output, self._records = plan, output, records
        self._progress, self._on_result = progress, on_result
        self._lock = Lock()
        self.failed: dict[str, str] = {}

    def targets(self) -> list[tuple[_Job, TargetRequest]]:
        """Transfers without an intermediate task."""
        known = self._done("transfer")
        return [
            (
                _Job(target.name, seed),
                TargetRequest(folder=self._output, name=target.name, seed=seed),
            )
            for seed in self._plan.seeds
            for target in self._plan.targets
            if (None, target.name, seed) not in known
        ]

    def sources(self) -> list[tuple[_Job, SourceRequest]]:
        """Sources with a transfer or a score to come."""
        left_out = self._done("overlap")
        transfers, scores = self._done("transfer") | left_out, self._done("score") | left_out
        jobs: list[tuple[_Job, SourceRequest]] = []
        for seed in self._plan.seeds:
            for source in self._plan.sources:
                request = SourceRequest(
                    folder=self._output, name=source.name, seed=seed,
                    transfers=self._missing(transfers, source.name, seed),
                    scores=self._missing(scores, source.name, seed),
                    keep_models=self._plan.keep_models,
                )  # fmt: skip
                if request.transfers or request.scores:
                    jobs.append((_Job(source.name, seed), request))
        return jobs

    def hear(self, _: int, job: _Job, event: Event) -> None:
        """Keep what a worker tells; called from several threads."""
        with self._lock:
            if isinstance(event, Failed):
                self.failed[f"{job.name} with seed {job.seed}"] = event.reason
            elif isinstance(event, Fact):
                record = dict(event.content)
                self._records.add(record)
                if record["what"] == "transfer":
                    found = _finished(record, len(self._done("transfer")), self._total())
                    self._progress(TRANSFERS, found.done, found.total)
                    self._on_result(found)

    def _missing(
        self, known: set[tuple[str | None, str, int]], source: str, seed: int
    ) -> list[str]:
        """Targets that a source was not tried on."""
        names = [target.name for target in self._plan.targets]
        return [name for name in names if (source, name, seed) not in known]

    def _done(self, what: str) -> set[tuple[str | None, str, int]]:
        """(source, target, seed) of which there is a result."""
        known = (one for one in self._records.known if one["what"] == what)
        return {(one["source"], one["target"], one["seed"]) for one in known}

    def _total(self) -> int:
        pairs = (len(self._plan.sources) + 1) * len(self._plan.targets)
        return pairs * len(self._plan.seeds) - len(self._done("overlap"))


def _finished(transfer: Record, done: int, total: int) -> Finished:
    name = f"{transfer['source'] or NO_SOURCE} to {transfer['target']}"
    return Finished(name, transfer["seed"], transfer["performance"], done, total)
