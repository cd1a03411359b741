"""Reading the columns of a data file, whatever its format, without copying it anywhere.

Every reader returns plain Python lists, one per column asked for, all of one length. What is
read may be private, so nothing is written to a cache.
"""

import csv
import difflib
import json
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

from esm_client.core.errors import InvalidDataset
from esm_client.lab.extras import require

Columns = dict[str, list[Any]]
MAX_FIELD_CHARACTERS = 2**27


def read_columns(path: Path, names: Sequence[str], split: str | None) -> Columns:
    """Read columns of a .csv, .tsv, .jsonl, .json or .parquet file or a saved data set.

    Raises InvalidDataset for a path, a split, a column or a file that cannot be used.
    """
    if not path.exists():
        raise InvalidDataset(f"There is no file or folder {path}.", "Check the path.")
    if path.is_dir():
        return _read_saved(path, names, split)
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        raise InvalidDataset(
            f"{path.name} ends in {path.suffix!r}, a format that is not read.",
            f"Use {', '.join(_READERS)} or a folder written by datasets' save_to_disk.",
        )
    if split is not None:
        raise InvalidDataset(f"{path.name} is one file and has no splits.", "Leave split out.")
    if path.stat().st_size == 0:
        raise InvalidDataset(f"{path.name} is empty.", "Check how it was written.")
    try:
        return reader(path, names)
    except UnicodeDecodeError as cause:
        raise InvalidDataset(
            f"{path.name} is not UTF-8 text (byte {cause.start} of a block).", "Save it as UTF-8."
        ) from cause


def _read_csv(path: Path, names: Sequence[str]) -> Columns:
    delimiter = "\t" if path.suffix.lower() == ".tsv" else ","
    with path.open(encoding="utf-8-sig", newline="") as file, _long_fields():
        rows = csv.reader(file, delimiter=delimiter, strict=True)
        try:
            header = next(iter(rows), list[str]())
            _check_names(path, names, header)
            places = [header.index(name) for name in names]
            columns: Columns = {name: [] for name in names}
            for row in rows:
                if not row:
                    continue
                if len(row) != len(header):
                    raise InvalidDataset(
                        f"Line {rows.line_num} of {path.name} has {len(row)} fields, the header "
                        f"{len(header)}.",
                        "Quote texts that hold the delimiter, or convert the file to JSON lines.",
                    )
                for name, place in zip(names, places, strict=True):
                    columns[name].append(row[place])
        except csv.Error as cause:
            raise InvalidDataset(
                f"Line {rows.line_num} of {path.name} cannot be read: {cause}.",
                "Check its quotes, or convert the file to JSON lines.",
            ) from cause
    return columns


@contextmanager
def _long_fields() -> Generator[None]:
    """Let csv read texts over 128 KB; the limit is global to the process."""
    before = csv.field_size_limit(MAX_FIELD_CHARACTERS)
    try:
        yield
    finally:
        csv.field_size_limit(before)


def _read_json_lines(path: Path, names: Sequence[str]) -> Columns:
    columns: Columns = {name: [] for name in names}
    known: dict[str, None] = {}
    with path.open(encoding="utf-8-sig") as file:
        for number, line in enumerate(file, 1):
            if not line.strip():
                continue
            try:
                row: object = json.loads(line)
            except (ValueError, RecursionError):
                row = None
            if not isinstance(row, dict):
                raise InvalidDataset(
                    f"Line {number} of {path.name} is not a JSON object.",
                    "Write one JSON object per line.",
                )
            cells = cast("dict[str, Any]", row)
            known.update(dict.fromkeys(cells))
            for name in names:
                columns[name].append(_whole_text(cells.get(name)))
    _check_names(path, names, list(known))
    return columns


def _whole_text(value: Any) -> Any:
    """Text without halves of surrogate pairs, which JSON can escape and UTF-8 cannot hold."""
    return value.encode("utf-8", "replace").decode("utf-8") if isinstance(value, str) else value


def _read_parquet(path: Path, names: Sequence[str]) -> Columns:
    parquet, arrow = require("pyarrow.parquet"), require("pyarrow")
    try:
        file = parquet.ParquetFile(path)
        _check_names(path, names, file.schema_arrow.names)
        table = file.read(columns=list(names))
    except (arrow.ArrowException, OSError) as cause:
        raise InvalidDataset(
            f"{path.name} is not a readable Parquet file: {str(cause)[:200]}", "Write it again."
        ) from cause
    columns: Columns = {name: table.column(name).to_pylist() for name in names}
    for name, classes in _parquet_classes(table.schema.metadata or {}).items():
        if name in columns:
            columns[name] = named_classes(columns[name], classes)
    return columns


def _parquet_classes(metadata: dict[bytes, bytes]) -> dict[str, list[str]]:
    """Class names by column, which the datasets library writes into a Parquet file's metadata."""
    try:
        document: Any = json.loads(metadata.get(b"huggingface", b"{}"))
        return {
            str(name): [str(entry) for entry in feature["names"]]
            for name, feature in document["info"]["features"].items()
            if feature.get("_type") == "ClassLabel"
        }
    except (ValueError, KeyError, TypeError, AttributeError):
        return {}  # another writer's metadata; the numbers stand for themselves


def _read_saved(path: Path, names: Sequence[str], split: str | None) -> Columns:
    datasets = require("datasets")
    try:
        data = datasets.load_from_disk(str(path))
    except (OSError, ValueError, KeyError, TypeError) as cause:
        raise InvalidDataset(
            f"{path} is not a data set that datasets' save_to_disk wrote: {cause}",
            "Name a file, or save the data set again.",
        ) from cause
    if isinstance(data, datasets.DatasetDict):
        wanted = split or "train"
        if wanted not in data:
            raise InvalidDataset(
                f"{path.name} has no split {wanted!r}; it has {', '.join(data)}.",
                "Name one of them as split.",
            )
        data = data[wanted]
    elif split is not None and str(data.split) != split:
        raise InvalidDataset(f"{path.name} is one data set without splits.", "Leave split out.")
    _check_names(path, names, data.column_names)
    chosen = data.select_columns(list(names)).with_format(None)
    columns: Columns = {name: list(chosen[name]) for name in names}
    for name in names:
        if isinstance(data.features[name], datasets.ClassLabel):
            columns[name] = named_classes(columns[name], data.features[name].names)
    return columns


def named_classes(values: list[Any], names: Sequence[str]) -> list[Any]:
    """Class names for class numbers; None for -1 and whatever else has no name."""
    known = range(len(names))
    return [names[value] if value in known else None for value in values]


def _check_names(path: Path, names: Sequence[str], known: Sequence[str]) -> None:
    for name in names:
        if known.count(name) > 1:
            raise InvalidDataset(
                f"{path.name} has {known.count(name)} columns named {name!r}.", "Rename one."
            )
        if name not in known:
            nearest = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
            shown = ", ".join(known[:20]) + (" ..." if len(known) > 20 else "")
            raise InvalidDataset(
                f"{path.name} has no column {name!r}; it has: {shown or 'none'}.",
                f"Did you mean {nearest[0]!r}?" if nearest else "Name one of them.",
            )


_READERS: dict[str, Callable[[Path, Sequence[str]], Columns]] = {
    ".csv": _read_csv,
    ".tsv": _read_csv,
    ".jsonl": _read_json_lines,
    ".json": _read_json_lines,
    ".parquet": _read_parquet,
}
