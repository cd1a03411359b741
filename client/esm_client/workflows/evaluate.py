"""`evaluate`: every source on every target, and a judgement of the ways to choose between them."""

import os
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from esm_client.core.errors import InvalidInput
from esm_client.core.listed import listed
from esm_client.core.progress import unheard
from esm_client.core.warnings import EsmWarning
from esm_client.lab.build.plan import Plan
from esm_client.lab.evaluation import report, transfer_table
from esm_client.lab.evaluation.finished import OnFinished
from esm_client.lab.evaluation.grid import run_grid
from esm_client.lab.evaluation.plan import EvaluationPlan
from esm_client.lab.evaluation.records import Record
from esm_client.lab.evaluation.study import MIN_SOURCES, pools
from esm_client.lab.evaluation.usable import check_data
from esm_client.lab.extras import require
from esm_client.lab.progress import Show, shown
from esm_client.ranking.table import Table


@dataclass(frozen=True)
class EvaluationResult:
    """All results of a grid.

    records: one per transfer, score and so on, as in records.jsonl. path: the folder of all
    files. report: report.html, None where a target has too few sources to judge methods.
    failed: why sources and targets failed, by name and seed.
    """

    records: Sequence[Record]
    path: Path
    report: Path | None
    failed: Mapping[str, str]

    @property
    def transfers(self) -> list[dict[str, Any]]:
        """An entry per target and source: target, source, performance, gain."""
        return transfer_table.transfer_entries(self.records)

    @property
    def methods(self) -> Mapping[str, Mapping[str, tuple[float, ...]]]:
        """Mean, low and high of every figure of every method; empty where none can be judged."""
        return self._judged[1]

    @property
    def columns(self) -> tuple[str, ...]:
        """Of the table: of methods, or of transfers where no method can be judged."""
        return report.COLUMNS if self.methods else transfer_table.COLUMNS

    @property
    def right(self) -> tuple[str, ...]:
        """Columns of numbers."""
        return report.COLUMNS[1:] if self.methods else transfer_table.RIGHT

    def cells(self) -> list[tuple[str, ...]]:
        """The rows of the table."""
        return self._judged[0] or transfer_table.transfer_cells(self.transfers)

    def __repr__(self) -> str:
        return "\n".join(Table(self.columns, self.cells(), self.right).lines())

    def _repr_html_(self) -> str:
        return Table(self.columns, self.cells(), self.right).html()

    @cached_property
    def _judged(
        self,
    ) -> tuple[list[tuple[str, ...]], dict[str, dict[str, tuple[float, ...]]]]:
        found = pools(self.records)
        return report.table_rows(found, self.records) if found else ([], {})


def evaluate(
    sources: str | os.PathLike[str] | Plan,
    targets: str | os.PathLike[str] | Plan,
    output: str | os.PathLike[str],
    *,
    base_model: str | os.PathLike[str] | None = None,
    seeds: Sequence[int] = (0,),
    methods: str | Sequence[str] = (),
    source_rows: int | None = None,
    target_rows: int = 1000,
    evaluation_rows: int = 1000,
    epochs: int | None = None,
    devices: str | Sequence[str] = (),
    workers: int | None = None,
    threads: int | None = None,
    progress: Show = None,
    on_result: OnFinished = unheard,
) -> EvaluationResult:
    """Fine-tune on each source, then on each target, and judge methods of selection by it.

    Hours, for many. Goes on where an earlier call was broken off. Writes records.jsonl,
    transfers.parquet and scores.parquet, and report.html where a target has five sources or more
    that share no rows with it.

    Args:
        sources: a plan, its .toml file, or a folder of data. targets: likewise, or one file.
        base_model: default: the one that the plan names.
        seeds: everything is done once with each.
        methods: of lab.selection.METHODS; default: all.
        source_rows: of every source at most; default: what its plan says, else 10 000.
        target_rows, evaluation_rows: of every target, to fine-tune and to measure on.
        epochs: of every fine-tuning; default: what its plan says, else 3.
        devices, workers, threads: as `build` has them.
        progress: None for bars on a terminal, False for none, or what to tell, from threads.
        on_result: told of each transfer as soon as it is kept.

    Raises InvalidInput for plans that cannot be used, InvalidDataset before any training for data
    that cannot be, Conflict where `output` holds results of other settings, MissingExtra.
    """
    folder = Path(output)
    read = [_plan(one, limit_rows=rows, epochs=epochs) for one, rows in
            ((sources, source_rows), (targets, None))]  # fmt: skip
    require("matplotlib", "study")  # before hours of work
    settings: dict[str, Any] = {"methods": listed(methods)} if methods else {}
    plan = EvaluationPlan.of(
        *read, base_model=None if base_model is None else os.fspath(base_model),
        seeds=tuple(seeds), target_rows=target_rows, evaluation_rows=evaluation_rows, **settings,
    )  # fmt: skip
    if len(plan.sources) < MIN_SOURCES:
        number = len(plan.sources)
        _warn(
            f"{number} source{'' if number == 1 else 's'}: too few to judge ways to choose, "
            f"which takes {MIN_SOURCES}; the transfers are made and shown all the same."
        )
    with shown(progress) as told:
        told("Reading all data", 0, 1)
        check_data(plan, _warn)
        told("Reading all data", 1, 1)
        found = run_grid(
            plan, folder, devices=listed(devices), workers=workers, threads=threads, progress=told,
            on_result=on_result,
        )  # fmt: skip
    for name, reason in found.failed.items():
        _warn(f"{name} failed: {reason}")
    page = report.write_report(folder, found.records)
    return EvaluationResult(found.records, folder, page, found.failed)


def _plan(given: str | os.PathLike[str] | Plan, **settings: int | None) -> Plan:
    if isinstance(given, Plan):
        return given.with_settings(**settings)
    if not Path(given).exists():
        raise InvalidInput(
            f"There is no {os.fspath(given)}.", "Name a plan (.toml), or a folder of data."
        )
    return Plan.read(Path(given), **settings)


def _warn(text: str) -> None:
    warnings.warn(text, EsmWarning, stacklevel=3)
