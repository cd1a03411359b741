"""How `transfer` shows its progress and its results, and reports them to the registry."""

import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from esm_client.cli.options.session import Session
from esm_client.cli.output import one_line, print_error, print_line
from esm_client.core.errors import EsmError
from esm_client.core.quantities import counted

if TYPE_CHECKING:
    from esm_client.lab.evaluation.transfer_report import TransferReport
    from esm_client.remote.client import Client

LEGEND = (
    "performance: {metric} on {rows} held-out rows{seeds}. gain: over no intermediate task. "
    "seconds: of all fine-tunings, the source's too."
)
MAX_METRIC_NAME = 50


class Shown:
    """Progress on stderr: bars on a terminal, a line per fine-tuning elsewhere."""

    def __init__(self, *, quiet: bool) -> None:
        self._quiet, self._bars = quiet, sys.stderr.isatty() and not quiet
        self._progress: Any = None
        self._whole: Any = None
        self._step: Any = None

    def __enter__(self) -> "Shown":
        if self._bars:
            from rich.console import Console
            from rich.progress import (
                BarColumn,
                MofNCompleteColumn,
                Progress,
                TextColumn,
                TimeElapsedColumn,
                TimeRemainingColumn,
            )

            self._progress = Progress(
                TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(),
                TimeElapsedColumn(), TimeRemainingColumn(), console=Console(stderr=True),
                transient=True,
            )  # fmt: skip
            self._progress.start()
            self._whole = self._progress.add_task("Transfers", total=None)
            self._step = self._progress.add_task("")
        return self

    def __exit__(self, *_: object) -> None:
        if self._progress is not None:
            self._progress.stop()

    def progress(self, step: str, done: int, total: int) -> None:
        """As TransferWatch.progress."""
        if self._progress is not None:
            self._progress.update(
                self._step, description=one_line(step), completed=done, total=total
            )

    def finished(self, name: str, seed: int, performance: float, done: int, total: int) -> None:
        """As TransferWatch.finished."""
        self.over(f"{name}, seed {seed}: {performance:.4f}", done, total)

    def over(self, what: str, done: int, total: int) -> None:
        """One of so many fine-tunings is over."""
        text = one_line(f"{done}/{total} {what}")
        if self._progress is not None:
            self._progress.update(self._whole, completed=done, total=total)
            self._progress.console.print(text, markup=False, highlight=False)
        elif not self._quiet:
            print_error(text)


def print_report(session: Session, report: "TransferReport", rows: int, output: Path) -> None:
    """The table, why something could not be tried, and where the best model is."""
    from esm_client.lab.evaluation.transfer_report import (
        COLUMNS,
        IN_SEQUENCE,
        NO_SOURCE,
        RIGHT,
    )
    from esm_client.lab.evaluation.transfer_run import WORK

    seeds = len(report.baseline.performances or {})
    told = f", mean ± standard deviation of {seeds} seeds" if seeds > 1 else ""

    def human() -> None:
        cells = [report.cells(row) for row in report.sorted_rows]
        session.output.table(COLUMNS, cells, RIGHT)
        print_line(LEGEND.format(metric=report.metric_name, rows=rows, seeds=told))
        for row in report.rows:
            if row.title == IN_SEQUENCE and row.is_tried:
                print_line(one_line(f"{IN_SEQUENCE}: {row.name}; the best ranked comes last."))
        print_line(one_line(f"The model of {report.best.name} is in {output}, with results.json."))
        session.output.note(
            f"{output / WORK} holds the source models for another run (more --seeds, a larger "
            "--top); remove it when you need none."
        )

    best = report.best.name if report.best.names else "none"
    document = {**report.document(), "evaluation_rows": rows, "path": str(output)}
    session.output.result(document, names=[best], human=human)
    for row in report.failed:
        print_error(f"warning: {row.name} was not tried. {row.reason}")
    for row in report.rows:
        if row.note:
            print_error(f"warning: {row.name}: {row.note}")
    if report.best is report.baseline and len(report.rows) > len(report.failed) + 1:
        session.output.note(f"Nothing beats {NO_SOURCE} here; the model is the plain one.")


def report_outcomes(
    session: Session, client: "Client", ranking: str, report: "TransferReport"
) -> None:
    """Tell the registry what came of its ranking; a failure is a warning.

    What the user told of it before in this metric goes first: another recipe or other rows may
    stand behind it, and regret would compare what does not compare.
    """
    name = as_metric_name(report.metric_name)
    told = 0
    try:
        client.outcomes.withdraw(ranking, name)
        for reference, seed, value in _outcomes(report):
            client.outcomes.report(ranking, reference, value, metric_name=name, seed=seed)
            told += 1
    except EsmError as error:
        print_error(
            f"warning: the registry could not be told of all results: {error} They are kept; the "
            "same command again tells them."
        )
        return
    session.output.note(
        f"Told the registry of {counted(told, 'result')} of the ranking {ranking} ({name}), in "
        "place of what you told of it before."
    )


def as_metric_name(text: str) -> str:
    """A metric's name as outcomes have it.

    >>> as_metric_name("F1 of the answer's tokens")
    'f1-of-the-answer-s-tokens'
    """
    plain = re.sub(r"[^a-z0-9._-]+", "-", text.lower())
    return plain.strip(".-")[:MAX_METRIC_NAME]


def _outcomes(report: "TransferReport") -> Sequence[tuple[str | None, int, float]]:
    """Single source tasks and the baseline, by seed; a chain stands in no ranking."""
    return [
        (row.names[0] if row.names else None, seed, value)
        for row in report.rows
        if len(row.names) < 2
        for seed, value in (row.performances or {}).items()
    ]
