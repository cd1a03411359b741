"""Progress bars that stay out of the way of short work and of pipes."""

import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from threading import Lock
from types import TracebackType
from typing import Any, Self

from esm_client.core.progress import Progress, silent

PATIENCE_SECONDS = 2.0
Show = bool | Progress | None
"""None for bars on stderr when that is a terminal, True or False to insist, or a Progress."""


@contextmanager
def shown(show: Show) -> Generator[Progress]:
    """The progress that a `progress` argument stands for."""
    if callable(show):
        yield show
    elif sys.stderr.isatty() if show is None else show:
        bars = _Bars()
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


class _Bars:
    """A bar on stderr for each step that is not over, once the work has taken two seconds."""

    def __init__(self) -> None:
        self._started, self._lock = time.monotonic(), Lock()
        self._bars: Any = None
        self._tasks: dict[str, Any] = {}

    def __call__(self, step: str, done: int, total: int) -> None:
        if time.monotonic() - self._started < PATIENCE_SECONDS:
            return
        with self._lock:
            if self._bars is None:
                self._bars = _rich_bars()
                self._bars.start()
            if step not in self._tasks:
                self._tasks[step] = self._bars.add_task(step, total=total or None)
            self._bars.update(self._tasks[step], completed=done, total=total or None)
            if total and done >= total:
                self._bars.remove_task(self._tasks.pop(step))

    def stop(self) -> None:
        if self._bars is not None:
            self._bars.stop()


def _rich_bars() -> Any:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    return Progress(
        TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(),
        TimeRemainingColumn(), console=Console(stderr=True), transient=True,
    )  # fmt: skip
