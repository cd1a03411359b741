"""CSV, TSV and their kin, with the delimiter found out."""

import csv
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

from esm_client.core.errors import InvalidDataset
from esm_client.lab.data.formats.files import open_text, stem_of, suffix_of
from esm_client.lab.data.table import Columns, Table, in_blocks

MAX_FIELD_CHARACTERS = 2**27
_DELIMITERS = (",", ";", "\t", "|")
_PROBED_ROWS = 20


def open_delimited(path: Path, delimiter: str | None, min_columns: int = 2) -> Table:
    """A file with one header line; without `delimiter`, the one that splits its first rows evenly.

    Raises InvalidDataset for a file that no delimiter splits into so many columns.
    """
    if delimiter is not None and len(delimiter) != 1:
        raise InvalidDataset(
            f"The delimiter is {delimiter!r}.", "Use one character.", parameters=("delimiter",)
        )
    found = delimiter or _find_delimiter(path)
    header = next(iter(_first_rows(path, found)), list[str]())
    if len(header) < min_columns:
        better = _find_delimiter(path) if delimiter else None
        looks = f" It looks delimited by {better!r}." if better and better != delimiter else ""
        shown = header[0][:60] if header else ""
        raise InvalidDataset(
            f"{path.name} has one column only, {shown!r}, when split at {found!r}.{looks}",
            "A data set needs texts and labels; check the `delimiter`.",
            parameters=("delimiter",),
        )

    def read(names: Sequence[str]) -> Iterator[Columns]:
        return in_blocks(_rows(path, found, header, names), names)

    return Table(stem_of(path), tuple(header), read)


def _rows(
    path: Path, delimiter: str, header: list[str], names: Sequence[str]
) -> Iterator[list[Any]]:
    places = [header.index(name) for name in names]
    with open_text(path, newline="") as file, _long_fields():
        rows = csv.reader(file, delimiter=delimiter, strict=True)
        try:
            next(rows)
            for row in rows:
                if not row:
                    continue
                if len(row) != len(header):
                    raise InvalidDataset(
                        f"Line {rows.line_num} of {path.name} has {len(row)} fields, the header "
                        f"{len(header)}.",
                        "Quote texts that hold the delimiter, or convert the file to JSON lines.",
                    )
                yield [row[place] for place in places]
        except csv.Error as cause:
            raise InvalidDataset(
                f"Line {rows.line_num} of {path.name} cannot be read: {cause}.",
                "Check its quotes, or convert the file to JSON lines.",
            ) from cause


def _find_delimiter(path: Path) -> str:
    """The delimiter that cuts the first rows into the most columns, the same number in each."""
    if suffix_of(path) == ".tsv":
        return "\t"
    best, most = ",", 1
    for delimiter in _DELIMITERS:
        widths = {len(row) for row in _first_rows(path, delimiter) if row}
        if len(widths) == 1 and (width := widths.pop()) > most:
            best, most = delimiter, width
    return best


def _first_rows(path: Path, delimiter: str) -> list[list[str]]:
    """The header and some rows; as far as they can be read."""
    found: list[list[str]] = []
    with open_text(path, newline="") as file, _long_fields():
        try:
            found.extend(islice(csv.reader(file, delimiter=delimiter, strict=True), _PROBED_ROWS))
        except csv.Error:  # with another delimiter it may go well; _rows says what is wrong
            file.seek(0)
            found.append(next(csv.reader([file.readline()], delimiter=delimiter), list[str]()))
    return found


@contextmanager
def _long_fields() -> Generator[None]:
    """Let csv read texts over 128 KB; the limit is global to the process."""
    before = csv.field_size_limit(MAX_FIELD_CHARACTERS)
    try:
        yield
    finally:
        csv.field_size_limit(before)
