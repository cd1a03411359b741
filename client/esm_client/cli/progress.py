"""Progress of every command on stderr: bars on a terminal, lines elsewhere."""

import sys
from types import TracebackType
from typing import Self

from esm_client.cli.errors import in_command_words
from esm_client.cli.output import one_line, print_error
from esm_client.lab.progress import Bars


class ProgressBars:
    """A core.progress.Progress: one bar for each step that is not over; use it in a `with` block.

    quiet: show nothing. in_bytes, overall: as lab.progress.Bars has them. Away from a terminal
    only `line` prints.
    """

    def __init__(self, *, quiet: bool, in_bytes: bool = False, overall: str | None = None) -> None:
        self._quiet, self._in_bytes, self._overall = quiet, in_bytes, overall
        self._bars: Bars | None = None

    def __enter__(self) -> Self:
        if not self._quiet and sys.stderr.isatty():
            self._bars = Bars(patience=0, in_bytes=self._in_bytes, overall=self._overall)
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
        if self._bars is not None:
            self._bars(step, done, total)

    def line(self, text: str) -> None:
        """What has just ended, in a line that stays."""
        text = in_command_words(text)
        if self._bars is not None:
            self._bars.line(one_line(text))
        elif not self._quiet:
            print_error(text)
