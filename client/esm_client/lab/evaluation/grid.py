"""The ground truth: every source, then every target, and every method's word on them."""

from collections.abc import Callable, Sequence
from pathlib import Path
from threading import Lock
from typing import Any, NamedTuple

from esm_client.core.disk import disk_errors
from esm_client.lab.build.build import alone
from esm_client.lab.evaluation.plan import EvaluationPlan
from esm_client.lab.evaluation.records import Record, RecordFile, write_tables
from esm_client.lab.evaluation.transfer_report import NO_SOURCE
from esm_client.lab.processes.workers import Workers, choose_devices

GridWatch = Callable[[int, str, int, int], None]
"""Told (worker, step, done, total); worker -1 for a transfer that is over, of the whole grid's."""
_MODULE = "esm_client.lab.evaluation.worker"


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
    watch: GridWatch | None = None,
) -> GridResult:
    """Fine-tune on every source, then on every target; score every pair by every method.

    Each result is on the disk as soon as it is known, so a run that was killed goes on where it
    was; more seeds may be asked for later. Sources that share rows with a target are left out of
    its pool (core.shield). One that fails stops no other.

    Writes records.jsonl, transfers.parquet and scores.parquet into `output`, and the ESMs.

    Raises Conflict where `output` holds results of other settings or another run is at work.
    """
    with disk_errors(output, "Name a folder that you may write to."), alone(output):
        records = RecordFile(output, plan)
        grid = _Grid(plan, output, records, watch)
        try:
            crew: Workers[_Job] = Workers(
                choose_devices(devices, workers), threads, output / ".log", _MODULE
            )
            with crew:
                crew.run(grid.targets(), grid.hear)
                crew.run(grid.sources(), grid.hear)
        finally:
            records.close()
            write_tables(output, records.known)
    return GridResult(records.known, grid.failed)


class _Grid:
    """What is known, and what is still to be done."""

    def __init__(
        self, plan: EvaluationPlan, output: Path, records: RecordFile, watch: GridWatch | None
    ) -> None:
        self._plan, self._output, self._records, self._watch = plan, output, records, watch
        self._lock = Lock()
        self.failed: dict[str, str] = {}

    def targets(self) -> list[tuple[_Job, dict[str, Any]]]:
        """Transfers without an intermediate task."""
        known = self._done("transfer")
        return [
            (_Job(target.name, seed), self._request("target", target.name, seed))
            for seed in self._plan.seeds
            for target in self._plan.targets
            if (None, target.name, seed) not in known
        ]

    def sources(self) -> list[tuple[_Job, dict[str, Any]]]:
        """Sources with a transfer or a score to come."""
        left_out = self._done("overlap")
        transfers, scores = self._done("transfer") | left_out, self._done("score") | left_out
        jobs: list[tuple[_Job, dict[str, Any]]] = []
        for seed in self._plan.seeds:
            for source in self._plan.sources:
                missing = {
                    what: [
                        target.name
                        for target in self._plan.targets
                        if (source.name, target.name, seed) not in known
                    ]
                    for what, known in (("transfers", transfers), ("scores", scores))
                }
                if missing["transfers"] or missing["scores"]:
                    request = self._request("source", source.name, seed) | missing
                    jobs.append((_Job(source.name, seed), request))
        return jobs

    def hear(self, worker: int, job: _Job, event: dict[str, Any]) -> None:
        """Keep what a worker tells; called from several threads."""
        with self._lock:
            if (record := event.get("record")) is not None:
                self._records.add(record)
                if self._watch is not None and record["what"] == "transfer":
                    self._watch(-1, _told(record), len(self._done("transfer")), self._total())
            elif event["event"] == "failed":
                self.failed[f"{job.name} with seed {job.seed}"] = event["reason"]
            elif event["event"] == "progress" and self._watch is not None:
                self._watch(worker, event["step"], event["done"], event["total"])

    def _done(self, what: str) -> set[tuple[str | None, str, int]]:
        """(source, target, seed) of which there is a result."""
        known = (one for one in self._records.known if one["what"] == what)
        return {(one["source"], one["target"], one["seed"]) for one in known}

    def _total(self) -> int:
        pairs = (len(self._plan.sources) + 1) * len(self._plan.targets)
        return pairs * len(self._plan.seeds) - len(self._done("overlap"))

    def _request(self, what: str, name: str, seed: int) -> dict[str, Any]:
        return {
            "do": what, "name": name, "seed": seed, "folder": str(self._output),
            "keep_models": self._plan.keep_models,
        }  # fmt: skip


def _told(transfer: Record) -> str:
    """A finished transfer in a line."""
    source = transfer["source"] or NO_SOURCE
    where = f"{source} to {transfer['target']}, seed {transfer['seed']}"
    return f"{where}: {transfer['performance']:.4f}"
