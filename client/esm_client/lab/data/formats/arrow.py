"""Parquet files, and the data sets of the `datasets` library: saved, in memory, or by name."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

from esm_client.core.errors import InvalidDataset
from esm_client.lab.data.table import BLOCK_ROWS, Columns, Table, in_blocks
from esm_client.lab.extras import require


def open_parquet(path: Path) -> Table:
    """A Parquet file; class names come from the metadata that `datasets` writes."""
    parquet, arrow = require("pyarrow.parquet"), require("pyarrow")

    def unreadable(cause: Exception) -> InvalidDataset:
        return InvalidDataset(
            f"{path.name} is not a readable Parquet file: {str(cause)[:200]}", "Write it again."
        )

    def read(names: Sequence[str]) -> Iterator[Columns]:
        try:
            batches = parquet.ParquetFile(path).iter_batches(BLOCK_ROWS, columns=list(names))
            for batch in batches:
                yield {name: batch.column(name).to_pylist() for name in names}
        except (arrow.ArrowException, OSError) as cause:
            raise unreadable(cause) from cause

    try:
        schema = parquet.ParquetFile(path).schema_arrow
    except (arrow.ArrowException, OSError) as cause:
        raise unreadable(cause) from cause
    classes = _parquet_classes(schema.metadata or {})
    return Table(path.stem, tuple(schema.names), read, classes)


def open_saved(path: Path, split: str | None) -> Table:
    """A folder that `save_to_disk` wrote; of several splits, "train" unless named."""
    datasets = require("datasets")
    try:
        data = datasets.load_from_disk(str(path))
    except (OSError, ValueError, KeyError, TypeError) as cause:
        raise InvalidDataset(
            f"{path} is not a data set that datasets' save_to_disk wrote: {cause}",
            "Name a file, or save the data set again.",
        ) from cause
    if split is not None and not isinstance(data, dict) and str(data.split) != split:
        raise InvalidDataset(
            f"{path.name} is one data set without splits.",
            "Leave `split` out.",
            parameters=("split",),
        )
    return open_dataset(data, path.name, split)


def open_hub(
    name: str, subset: str | None, split: str | None, revision: str | None, *, streaming: bool
) -> Table:
    """A data set by its hub id, through `datasets`; `streaming` downloads only what is read."""
    datasets = require("datasets")
    options = {"revision": revision, "streaming": streaming}
    try:
        data = datasets.load_dataset(name, subset, **options)
    except Exception as cause:  # the library raises whatever its builders raise
        reason = str(cause).partition("\n")[0][:300] or type(cause).__name__
        raise InvalidDataset(
            f"There is no file or folder {name!r}, and datasets cannot load a data set of that "
            f"name: {reason}",
            "Check the path; or the name, `subset` and the network.",
            parameters=("subset",),
        ) from cause
    return replace(open_dataset(data, name, split, subset), streamed=streaming)


def open_dataset(data: Any, name: str, split: str | None, subset: str | None = None) -> Table:
    """A Dataset, an IterableDataset, or a dictionary of either by split."""
    one = data
    if isinstance(data, Mapping):
        splits = cast("Mapping[str, Any]", data)
        split = choose_split({key: _num_rows(part) for key, part in splits.items()}, name, split)
        one = splits[split]
    if one.features is None:  # a stream that has not said
        one = one._resolve_features()
    features: Mapping[str, Any] = one.features

    def read(names: Sequence[str]) -> Iterator[Columns]:
        chosen = one.select_columns(list(names)).with_format(None)
        for batch in chosen.iter(batch_size=BLOCK_ROWS):
            yield {key: list(batch[key]) for key in names}

    classes = {key: found for key in features if (found := _class_names(features[key]))}
    return Table(name, tuple(features), read, classes, subset=subset, split=split)


def open_frame(frame: Any, name: str) -> Table:
    """A pandas DataFrame; missing values become None."""
    columns = tuple(str(column) for column in frame.columns)

    def read(names: Sequence[str]) -> Iterator[Columns]:
        places = [columns.index(key) for key in names]
        for start in range(0, len(frame), BLOCK_ROWS):
            block = frame.iloc[start : start + BLOCK_ROWS, places].astype(object)
            block = block.where(block.notna(), None)
            yield from in_blocks(iter(block.to_numpy().tolist()), names)

    return Table(name, columns, read)


def choose_split(rows: Mapping[str, int | None], name: str, wanted: str | None) -> str:
    """The split that was named; else the only one, one called train, or the largest."""
    if wanted is not None:
        if wanted not in rows:
            raise InvalidDataset(
                f"{name} has no split {wanted!r}; it has {', '.join(rows)}.",
                "Name one of them as `split`.",
                parameters=("split",),
                splits=tuple(rows),
            )
        return wanted
    if "train" in rows:
        return "train"
    return max(rows, key=lambda key: rows[key] or 0)


def _num_rows(data: Any) -> int | None:
    return data.num_rows if hasattr(data, "num_rows") else None


def _class_names(feature: Any) -> list[str] | None:
    """Of a ClassLabel, or of a list of them."""
    inner = getattr(feature, "feature", feature)
    names: list[str] | None = getattr(inner, "names", None)
    return names


def _parquet_classes(metadata: Mapping[bytes, bytes]) -> dict[str, list[str]]:
    """Class names by column, which the datasets library writes into a Parquet file's metadata."""
    try:
        document: Any = json.loads(metadata.get(b"huggingface", b"{}"))
        features = document["info"]["features"].items()
        inner = {str(name): feature.get("feature", feature) for name, feature in features}
        return {
            name: [str(entry) for entry in feature["names"]]
            for name, feature in inner.items()
            if feature.get("_type") == "ClassLabel"
        }
    except (ValueError, KeyError, TypeError, AttributeError):
        return {}  # another writer's metadata; the numbers stand for themselves
