"""`load_task`: a labelled data set from a file or a saved data set."""

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np

from esm_client.core.errors import InvalidDataset, InvalidInput
from esm_client.core.schemas import Kind, SourceTask
from esm_client.lab.data.columns import Columns, read_columns
from esm_client.lab.data.labels import check_varied, read_labels
from esm_client.lab.data.task import TextTask
from esm_client.lab.encoder import Text


def load_task(
    path: str | Path,
    *,
    text_columns: Sequence[str],
    label_column: str,
    kind: Kind | None = None,
    limit_rows: int | None = None,
    seed: int = 42,
    split: str | None = None,
    name: str | None = None,
    language: str | None = None,
) -> TextTask:
    """Read texts and labels; nothing is copied to a cache.

    Args:
        path: a .csv, .tsv, .parquet or JSON lines (.jsonl, .json) file in UTF-8, or a folder
            that datasets' save_to_disk wrote.
        text_columns: one column, or two for pairs.
        label_column: class names where the file has them; otherwise words or numbers.
        kind: None for regression where labels have fractions, else classification.
        limit_rows: at most so many rows, drawn with `seed` and kept in their order.
        split: of a folder with several; "train" unless said.
        name: what to call the data set; by default the file's name, never its path.
        language: for the record.

    Rows with an empty text are left out, counted in `dropped_rows` and warned of.

    Raises:
        InvalidDataset: a path, format, column or text that cannot be used.
        InvalidLabels: missing labels, one class only, or labels whose kind cannot be told.
    """
    path, columns = Path(path), _check_columns(text_columns, label_column)
    if limit_rows is not None and limit_rows < 1:
        raise InvalidInput(f"limit_rows is {limit_rows}.", "Use 1 or more, or leave it out.")
    table = read_columns(path, list(dict.fromkeys([*columns, label_column])), split)
    if not table[label_column]:
        raise InvalidDataset(f"{path.name} has no rows.", "Check how it was written.")
    texts = _texts(table, columns)
    kept = [row for row, text in enumerate(texts) if text is not None]
    _warn_dropped(path, len(texts) - len(kept), len(texts))
    labels, found = read_labels(table[label_column], label_column, kind)
    sampled = limit_rows is not None and limit_rows < len(kept)
    if sampled:
        chosen = np.random.default_rng(seed).permutation(len(kept))[:limit_rows]
        kept = [kept[int(place)] for place in np.sort(chosen)]
    labels = labels[kept]
    check_varied(labels.tolist(), label_column)
    return TextTask(
        texts=[cast("Text", texts[row]) for row in kept],
        labels=labels,
        kind=found,
        dropped_rows=len(texts) - len(kept),
        source_task=SourceTask(
            data_set=name or path.stem,
            text_columns=columns,
            label_column=label_column,
            split=split or ("train" if (path / "dataset_dict.json").is_file() else None),
            num_rows=len(kept),
            seed=seed if sampled else None,
            language=language,
            kind=found,
            num_labels=len(set(labels.tolist())) if found == "classification" else 1,
        ),
    )


def _check_columns(text_columns: Sequence[str], label_column: str) -> tuple[str, ...]:
    columns = (text_columns,) if isinstance(text_columns, str) else tuple(text_columns)
    if not 1 <= len(columns) <= 2:
        raise InvalidDataset(
            f"{len(columns)} text columns were named.", "Name one, or two for pairs of texts."
        )
    if label_column in columns:
        raise InvalidDataset(
            f"Column {label_column!r} is named as text and as label.", "Name another one."
        )
    return columns


def _texts(table: Columns, columns: tuple[str, ...]) -> list[Text | None]:
    """One text or pair per row; None where a text is empty."""
    for name in columns:
        for row, value in enumerate(table[name]):
            if value is not None and not isinstance(value, str):
                raise InvalidDataset(
                    f"Column {name!r} holds no text: row {row} is a {type(value).__name__}.",
                    "Name a column of texts.",
                )
    parts: list[tuple[Any, ...]] = list(zip(*(table[name] for name in columns), strict=True))
    empty = [not all(part and part.strip() for part in row) for row in parts]
    if all(empty):
        raise InvalidDataset(f"Every text of column {columns[0]!r} is empty.", "Name another one.")
    return [
        None if is_empty else (row[0] if len(columns) == 1 else (row[0], row[1]))
        for row, is_empty in zip(parts, empty, strict=True)
    ]


def _warn_dropped(path: Path, dropped: int, rows: int) -> None:
    if dropped:
        warnings.warn(
            f"{dropped} of {rows} rows of {path.name} have an empty text and were left out.",
            stacklevel=3,
        )
