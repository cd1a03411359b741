"""What commands on a whole registry share: opening it, bars, printing, exit statuses."""

import json
import sys
import time
from collections.abc import Generator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any, NoReturn

import typer

from esm_client.core.errors import Unavailable
from esm_server.operations.opening import Watch
from esm_server.ownership import exclusive
from esm_server.settings import Settings

PROBLEMS = 3
"""Exit status of a command that did its work and found something that a person must look at."""
BAR_AFTER = 2.0
"""Seconds: what takes less needs no bar."""


@contextmanager
def no_server(settings: Settings) -> Generator[bool]:
    """Whether no server uses a registry; none can be started while the block runs."""
    with ExitStack() as stack:
        try:
            stack.enter_context(exclusive(settings))
            free = True
        except Unavailable:
            free = False
        yield free


@contextmanager
def watched(what: str, *, in_bytes: bool = False) -> Generator[Watch]:
    """A bar on stderr for what takes more than two seconds, to a terminal only."""
    if not sys.stderr.isatty():
        yield lambda done, total: None  # noqa: ARG005
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, MofNCompleteColumn, Progress, TextColumn

    count = DownloadColumn() if in_bytes else MofNCompleteColumn()
    columns = (TextColumn("{task.description}"), BarColumn(), count)
    bars = Progress(*columns, console=Console(stderr=True), transient=True)
    task = bars.add_task(what, total=None)
    started = time.monotonic()

    def watch(done: int, total: int) -> None:
        if not bars.live.is_started and time.monotonic() - started > BAR_AFTER:
            bars.start()
        bars.update(task, completed=done, total=total)

    try:
        yield watch
    finally:
        bars.stop()


def show(document: Mapping[str, Any], lines: Sequence[str], *, as_json: bool) -> None:
    """Print a result, for programs or for people."""
    typer.echo(json.dumps(document) if as_json else "\n".join(lines))


def end(*, problems: bool) -> None:
    """Exit with PROBLEMS where there are some."""
    if problems:
        _exit()


def _exit() -> NoReturn:
    raise typer.Exit(PROBLEMS)


def shown_bytes(count: float) -> str:
    """A number of bytes for people."""
    for unit in ("bytes", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "bytes" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"
