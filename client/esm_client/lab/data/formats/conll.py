"""CoNLL files: a token and its tags per line, an empty line between sentences."""

from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from esm_client.core.errors import InvalidDataset
from esm_client.lab.data.formats.files import open_text, stem_of
from esm_client.lab.data.table import Columns, Table, in_blocks

COLUMNS = ("tokens", "tags")
_SKIPPED = ("-DOCSTART-", "#")


def open_conll(path: Path) -> Table:
    """Columns `tokens` (the first of each line) and `tags` (the last), lists per sentence.

    Fields are separated by tabs or spaces. Raises InvalidDataset for a line of one field.
    """
    first = list(islice(_sentences(path), 1))
    if not first:
        raise InvalidDataset(f"{path.name} holds no sentence.", "Check how it was written.")

    def read(names: Sequence[str]) -> Iterator[Columns]:
        places = [COLUMNS.index(name) for name in names]
        return in_blocks(([row[place] for place in places] for row in _sentences(path)), names)

    return Table(stem_of(path), COLUMNS, read, kind="sequence-labelling")


def _sentences(path: Path) -> Iterator[tuple[list[Any], list[Any]]]:
    tokens: list[str] = []
    tags: list[str] = []
    with open_text(path) as file:
        for number, line in enumerate(file, 1):
            if not line.strip():
                if tokens:
                    yield tokens, tags
                    tokens, tags = [], []
                continue
            fields = line.rstrip("\n").split("\t") if "\t" in line else line.split()
            if fields[0].startswith(_SKIPPED):
                continue
            if len(fields) < 2:
                raise InvalidDataset(
                    f"Line {number} of {path.name} has a token and no tag: {line.strip()[:40]!r}.",
                    "Write each token with its tag, separated by a tab.",
                )
            tokens.append(fields[0])
            tags.append(fields[-1].strip())
    if tokens:
        yield tokens, tags
