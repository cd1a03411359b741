"""Progress for those who name nobody to tell it to: bars on a terminal."""

from collections.abc import Generator
from contextlib import contextmanager

from esm_client.core.progress import Progress, silent
from esm_client.lab.progress import ProgressBar


@contextmanager
def shown(progress: Progress | bool | None) -> Generator[Progress]:
    """What long work tells its progress to.

    progress: a callable, which is told everything; False for silence; None or True for bars on
    stderr, of steps that take two seconds: None shows them on a terminal alone.
    """
    if callable(progress) or progress is False:
        yield progress or silent
        return
    bars = _Bars(progress)
    try:
        yield bars
    finally:
        bars.stop()


class _Bars:
    """One bar for each step that goes on."""

    def __init__(self, show: bool | None) -> None:
        self._show = show
        self._bars: dict[str, tuple[ProgressBar, int]] = {}

    def __call__(self, step: str, done: int, total: int) -> None:
        if not total:
            return  # what is not counted has no bar
        bar, before = self._bars.get(step) or (ProgressBar(step, total, self._show).__enter__(), 0)
        bar.advance(done - before)
        self._bars[step] = bar, done
        if done >= total:
            self._bars.pop(step)[0].__exit__(None, None, None)

    def stop(self) -> None:
        """Take away the bars of steps that did not end."""
        for bar, _ in self._bars.values():
            bar.__exit__(None, None, None)
