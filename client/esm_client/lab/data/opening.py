"""`open_table`: any data set, by path, by hub id, or as an object at hand."""

import re
from pathlib import Path
from typing import Any

from esm_client.core.errors import InvalidDataset
from esm_client.lab.data.formats.arrow import (
    open_dataset,
    open_frame,
    open_hub,
    open_parquet,
    open_saved,
)
from esm_client.lab.data.formats.conll import open_conll
from esm_client.lab.data.formats.delimited import open_delimited
from esm_client.lab.data.formats.files import suffix_of
from esm_client.lab.data.formats.json_file import open_json
from esm_client.lab.data.table import Table

DELIMITED, JSON, CONLL = (".csv", ".tsv"), (".jsonl", ".ndjson", ".json"), (".conll", ".bio")
SUFFIXES = (*DELIMITED, *JSON, ".parquet", *CONLL)
"""Of data files, each also with .gz behind it except .parquet."""
_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*(/[A-Za-z0-9][\w.-]*)?")


def open_table(
    data: Any,
    *,
    subset: str | None = None,
    split: str | None = None,
    revision: str | None = None,
    streaming: bool = False,
    delimiter: str | None = None,
    labelled: bool = True,
) -> Table:
    """Open a data set without reading it.

    Args:
        data: a data file (SUFFIXES), a folder that datasets' save_to_disk wrote, a hub id, a
            pandas DataFrame, or a Dataset, IterableDataset or dictionary of them by split.
        subset, revision, streaming: of a hub id.
        split: of what has several; else train, else the largest.
        delimiter: of a .csv; found out otherwise.
        labelled: whether labels are needed beside the texts, so that one column is too few.

    Raises InvalidDataset for what is none of these or cannot be opened.
    """
    if not isinstance(data, str | Path):
        return _open_object(data, split)
    path = Path(data)
    if not path.exists():
        if isinstance(data, str) and _HUB_ID.fullmatch(data) and suffix_of(path) not in SUFFIXES:
            return open_hub(data, subset, split, revision, streaming=streaming)
        raise InvalidDataset(f"There is no file or folder {path}.", "Check the path.")
    if path.is_dir():
        return open_saved(path, split)
    if path.stat().st_size == 0:
        raise InvalidDataset(f"{path.name} is empty.", "Check how it was written.")
    return _open_file(path, delimiter, 2 if labelled else 1)


def _open_file(path: Path, delimiter: str | None, min_columns: int) -> Table:
    suffix = suffix_of(path)
    if suffix in DELIMITED:
        return open_delimited(path, delimiter, min_columns)
    if suffix in JSON:
        return open_json(path)
    if suffix in CONLL:
        return open_conll(path)
    if suffix == ".parquet":
        return open_parquet(path)
    raise InvalidDataset(
        f"{path.name} ends in {path.suffix!r}, a format that is not read.",
        f"Use {', '.join(SUFFIXES)} or a folder written by datasets' save_to_disk.",
    )


def _open_object(data: Any, split: str | None) -> Table:
    name = getattr(getattr(data, "info", None), "dataset_name", None) or "dataset"
    if hasattr(data, "iloc"):
        return open_frame(data, "frame")
    if hasattr(data, "select_columns") or isinstance(data, dict):
        return open_dataset(data, name, split)
    raise InvalidDataset(
        f"A {type(data).__name__} is no data set that is read.",
        "Pass a path, a hub id, a DataFrame or a Dataset.",
    )
