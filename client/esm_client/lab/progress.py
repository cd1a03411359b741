"""Progress bars that stay out of the way of short work and of pipes."""

import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from threading import Lock
from types import TracebackType
from typing import Any, Self

from esm_client.core.progress import Progress, silent
from esm_client.ranking.table import printable

PATIENCE_SECONDS = 2.0
Show = bool | Progress | None
"""None for bars on stderr when that is a terminal, True or False to insist, or a Progress."""


@contextmanager
def shown(show: Show) -> Generator[Progress]:
    """The progress that a `progress` argument stands for."""
    if callable(show):
        yield show
    elif sys.stderr.isatty() if show is None else show:
        bars = Bars()
        try:
            yield bars
        finally:
            bars.stop()
    else:
        yield silent


def labelled(progress: Progress, label: str) -> Progress:
    """The same, where each step is called `label: step`."""
    return lambda step, done, total: progress(f"{label}: {step}", done, total)


class ProgressBar:
    """Counts the pieces of one step; use it in a `with` block."""

    def __init__(self, label: str, total: int, show: Show = None) -> None:
        self._label, self._total, self._done = label, total, 0
        self._shown = shown(show)
        self._progress = silent

    def __enter__(self) -> Self:
        self._progress = self._shown.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._shown.__exit__(kind, error, trace)

    def advance(self, steps: int) -> None:
        """Count `steps` more of the total as done."""
        self._done += steps
        self._progress(self._label, self._done, self._total)


class Bars:
    """A bar on stderr for each step that is not over.

    patience: seconds before any is shown. in_bytes: steps count bytes, not things. overall: the
    step whose bar stays first.
    """

    def __init__(
        self, *, patience: float = PATIENCE_SECONDS, in_bytes: bool = False,
        overall: str | None = None,
    ) -> None:  # fmt: skip
        self._from = time.monotonic() + patience
        self._in_bytes, self._overall = in_bytes, overall
        self._lock = Lock()
        self._bars: Any = None
        self._tasks: dict[str, Any] = {}

    def __call__(self, step: str, done: int, total: int) -> None:
        """Move the bar of a step; it goes when the step is over."""
        if time.monotonic() < self._from:
            return
        with self._lock:
            bars = self._started()
            if step not in self._tasks:
                name = printable(" ".join(step.split()))
                self._tasks[step] = bars.add_task(name, total=total or None)
            bars.update(self._tasks[step], completed=done, total=total or None)
            if total and done >= total and step != self._overall:
                bars.remove_task(self._tasks.pop(step))

    def line(self, text: str) -> None:
        """A line that stays, above the bars."""
        with self._lock:
            self._started().console.print(text, markup=False, highlight=False)

    def stop(self) -> None:
        """Take all bars away."""
        if self._bars is not None:
            self._bars.stop()

    def _started(self) -> Any:
        if self._bars is None:
            self._bars = _rich_bars(in_bytes=self._in_bytes)
            self._bars.start()
            if self._overall is not None:
                self._tasks[self._overall] = self._bars.add_task(self._overall, total=None)
        return self._bars


def _rich_bars(*, in_bytes: bool) -> Any:
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
