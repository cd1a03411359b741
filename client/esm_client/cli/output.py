"""The one sink: results on stdout for people, pipes or JSON; everything else on stderr."""

import json
import sys
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import cast

from pydantic import BaseModel

from esm_client.cli.errors import in_command_words
from esm_client.ranking.table import Table, printable


class Output:
    """Where a command's words go.

    as_json: one JSON document on stdout, and nothing else there.
    quiet: names only on stdout, one per line, for pipes; no notes.
    """

    def __init__(self, *, as_json: bool, quiet: bool) -> None:
        self._as_json, self._quiet = as_json, quiet

    def result(self, document: object, *, names: Iterable[str], human: Callable[[], None]) -> None:
        """Print a result in the form that was asked for; `human` prints it for people."""
        if self._as_json:
            print_line(json.dumps(_plain(document), indent=2, ensure_ascii=False))
        elif self._quiet:
            for name in names:
                print_line(printable(name))
        else:
            human()

    def table(
        self, columns: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[str] = ()
    ) -> None:
        """A table: ruled on a terminal, plain aligned text elsewhere."""
        if sys.stdout.isatty():
            _ruled(columns, rows, right)
        else:
            for line in Table(columns, rows, right).lines():
                print_line(line)

    def facts(self, facts: Mapping[str, str]) -> None:
        """Names and values below each other; empty values are left out."""
        width = max(map(len, facts), default=0)
        for key, value in facts.items():
            if value:
                print_line(f"{key:{width}s}  {one_line(value)}")

    def note(self, text: str) -> None:
        """Something good to know, on stderr, with options for arguments; left out when quiet."""
        if not self._quiet:
            print_error(in_command_words(text))

    @contextmanager
    def working(self, text: str) -> Generator[None]:
        """Say what is going on while it goes on, on stderr and to a terminal only."""
        if self._quiet or not sys.stderr.isatty():
            yield
            return
        from rich.console import Console

        with Console(stderr=True).status(text, spinner="line"):
            yield


def print_line(text: str = "") -> None:
    """One line on stdout."""
    sys.stdout.write(f"{text}\n")


def print_error(text: str) -> None:
    """One line on stderr."""
    sys.stdout.flush()
    sys.stderr.write(f"{one_line(text)}\n")
    sys.stderr.flush()


def one_line(text: str) -> str:
    """Text without line breaks and control characters."""
    return printable(" ".join(text.split()))


def day(time: datetime | None) -> str:
    """The date of a time; empty for None."""
    return f"{time:%Y-%m-%d}" if time else ""


def _ruled(columns: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[str]) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for name in columns:
        # a reference that is cut or broken cannot be pasted
        table.add_column(
            name,
            justify="right" if name in right else "left",
            no_wrap=name not in ("task", "model"),
            overflow="fold",
        )
    for row in rows:
        table.add_row(*(Text(printable(cell)) for cell in row))
    Console(highlight=False).print(table)


def _plain(document: object) -> object:
    if isinstance(document, BaseModel):
        return document.model_dump(mode="json")
    if isinstance(document, list | tuple):
        return [_plain(item) for item in cast("Sequence[object]", document)]
    return document
