"""Progress of every command on stderr: bars on a terminal, lines elsewhere."""

import sys
from threading import Lock
from types import TracebackType
from typing import Any, Self

from esm_client.cli.output import one_line, print_error


class ProgressBars:
    """A core.progress.Progress: one bar for each step that is not over; use it in a `with` block.

    quiet: show nothing. in_bytes: steps count bytes, not things. overall: the step whose bar stays
    first. Away from a terminal only `line` prints.
    """

    def __init__(self, *, quiet: bool, in_bytes: bool = False, overall: str | None = None) -> None:
        self._quiet, self._in_bytes, self._overall = quiet, in_bytes, overall
        self._bars: Any = None
        self._tasks: dict[str, Any] = {}
        self._lock = Lock()

    def __enter__(self) -> Self:
        if not self._quiet and sys.stderr.isatty():
            self._bars = _bars(in_bytes=self._in_bytes)
            self._bars.start()
            if self._overall is not None:
                self._tasks[self._overall] = self._bars.add_task(self._overall, total=None)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._bars is not None:
            self._bars.stop()
            self._bars = None

    def __call__(self, step: str, done: int, total: int) -> None:
        """Move the bar of a step; it goes when the step is over."""
        if self._bars is None:
            return
        with self._lock:
            if step not in self._tasks:
                self._tasks[step] = self._bars.add_task(one_line(step), total=total or None)
            self._bars.update(self._tasks[step], completed=done, total=total or None)
            if total and done >= total and step != self._overall:
                self._bars.remove_task(self._tasks.pop(step))

    def line(self, text: str) -> None:
        """What has just ended, in a line that stays."""
        if self._bars is not None:
            self._bars.console.print(one_line(text), markup=False, highlight=False)
        elif not self._quiet:
            print_error(text)


def _bars(*, in_bytes: bool) -> Any:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )

    counts = (
        (DownloadColumn(), TransferSpeedColumn())
        if in_bytes
        else (MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    )
    return Progress(
        TextColumn("{task.description}", markup=False), BarColumn(), *counts,
        console=Console(stderr=True), transient=True,
    )  # fmt: skip
