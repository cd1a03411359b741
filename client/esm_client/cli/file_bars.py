"""The progress of large files, on a terminal."""

import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager


@contextmanager
def watched(*, quiet: bool) -> Generator[Callable[[str, int, int], None]]:
    """What to tell the progress of a transfer: a bar per file on stderr, to a terminal only."""
    if quiet or not sys.stderr.isatty():
        yield lambda name, done, total: None  # noqa: ARG005
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn())
    with Progress(*columns, TransferSpeedColumn(), console=Console(stderr=True)) as bars:
        tasks: dict[str, int] = {}

        def watch(name: str, done: int, total: int) -> None:
            if name not in tasks:
                tasks[name] = bars.add_task(name, total=total)
            bars.update(bars.task_ids[list(tasks).index(name)], completed=done)

        yield watch
