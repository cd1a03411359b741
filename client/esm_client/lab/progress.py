"""A progress bar that stays out of the way of short work and of pipes."""

import sys
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

PATIENCE_SECONDS = 2.0
Watch = Callable[[str, int, int], None]
"""Told what goes on, how much of it is done and how much there is: for who shows it otherwise."""


class ProgressBar:
    """A bar on stderr that appears once the work has taken two seconds.

    show: None for "when stderr is a terminal", True or False to insist, or a Watch instead.
    """

    def __init__(self, label: str, total: int, show: bool | Watch | None = None) -> None:
        self._label, self._total, self._done = label, total, 0
        self._watch = show if callable(show) else None
        self._show = sys.stderr.isatty() if show is None else show is True
        self._started = time.monotonic()
        self._bar: Progress | None = None

    def __enter__(self) -> Self:
        self._started = time.monotonic()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def advance(self, steps: int) -> None:
        """Count `steps` more of the total as done."""
        self._done += steps
        if self._watch is not None:
            self._watch(self._label, self._done, self._total)
        if not self._show or time.monotonic() - self._started < PATIENCE_SECONDS:
            return
        if self._bar is None:
            self._bar = Progress(
                TextColumn("{task.description}"),
                BarColumn(),
                MofNCompleteColumn(),
                TimeRemainingColumn(),
                console=Console(stderr=True),
                transient=True,
            )
            self._bar.add_task(self._label, total=self._total)
            self._bar.start()
        self._bar.update(self._bar.task_ids[0], completed=self._done)
