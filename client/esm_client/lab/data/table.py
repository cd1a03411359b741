"""A data set before anything of it is chosen: named columns, read block by block."""

import difflib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from esm_client.core.errors import InvalidDataset
from esm_client.core.schemas import SourceKind

Columns = dict[str, list[Any]]
BLOCK_ROWS = 2000
STREAMED_ROWS = 100_000
"""So many rows of a stream are read at most."""


@dataclass(frozen=True)
class Table:
    """A data set that can be read more than once.

    name: what it is called: never a path.
    columns: all names, in order.
    read: given some of them, blocks of plain lists of equal length. Nothing is cached on disk:
        what is read may be private.
    classes: class names by column, where the format knows them.
    kind: where the format says what kind of task it holds.
    streamed: each row that is read is downloaded, so only the first ones are read.
    """

    name: str
    columns: tuple[str, ...]
    read: Callable[[Sequence[str]], Iterator[Columns]]
    classes: Mapping[str, Sequence[str]] = field(default_factory=dict[str, Sequence[str]])
    kind: SourceKind | None = None
    subset: str | None = None
    split: str | None = None
    streamed: bool = False

    def blocks(self, names: Sequence[str]) -> Iterator[Columns]:
        """Blocks of these columns, class numbers turned into names; InvalidDataset."""
        check_names(self.name, names, self.columns)
        named = {name: self.classes[name] for name in names if name in self.classes}
        seen = 0
        for block in self.read(names):
            if self.streamed and seen >= STREAMED_ROWS:
                return
            seen += len(block[names[0]])
            for name, classes in named.items():
                block[name] = [_named(value, classes) for value in block[name]]
            yield block


def in_blocks(rows: Iterator[Sequence[Any]], names: Sequence[str]) -> Iterator[Columns]:
    """Rows of cells as blocks of columns."""
    columns: Columns = {name: [] for name in names}
    filled = 0
    for row in rows:
        for name, cell in zip(names, row, strict=True):
            columns[name].append(cell)
        filled += 1
        if filled == BLOCK_ROWS:
            yield columns
            columns, filled = dict[str, list[Any]]((name, []) for name in names), 0
    if filled:
        yield columns


def check_names(what: str, names: Sequence[str], known: Sequence[str]) -> None:
    """Raise InvalidDataset for a column that is not there, or there twice."""
    for name in names:
        if known.count(name) > 1:
            raise InvalidDataset(
                f"{what} has {known.count(name)} columns named {name!r}.", "Rename one."
            )
        if name not in known:
            nearest = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
            shown = ", ".join(known[:20]) + (" ..." if len(known) > 20 else "")
            raise InvalidDataset(
                f"{what} has no column {name!r}; it has: {shown or 'none'}.",
                f"Did you mean {nearest[0]!r}?" if nearest else "Name one of them.",
            )


def _named(value: Any, classes: Sequence[str]) -> Any:
    """The name of a class number, of each in a list; None for -1 and whatever has no name."""
    if isinstance(value, list):
        return [_named(one, classes) for one in value]  # pyright: ignore[reportUnknownVariableType]
    known = isinstance(value, int) and 0 <= value < len(classes)
    return classes[value] if known else None
