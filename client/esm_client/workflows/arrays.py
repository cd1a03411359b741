"""Ready embeddings and labels from files, for `rank` without torch."""

import csv
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from esm_client.core.errors import InvalidDataset, InvalidEmbeddings, InvalidLabels, UnsafeFile
from esm_client.core.schemas import Kind


def load_embeddings(path: Path) -> NDArray[Any]:
    """Read an `.npy` array (N, D); raises InvalidDataset, InvalidEmbeddings or UnsafeFile."""
    array = _load_npy(path)
    if array.ndim != 2 or array.dtype.kind not in "fiu":
        raise InvalidEmbeddings(
            f"{path} holds {array.dtype} of shape {array.shape}.",
            "Save float embeddings of shape (rows, D) with numpy.save.",
        )
    return array


def load_labels(path: Path, column: str | None) -> NDArray[Any] | list[str]:
    """Read labels from `.npy`, from a `.csv` with a header, or from lines of text.

    column: the column of a `.csv` with several. Raises InvalidDataset or InvalidLabels.
    """
    if path.suffix.lower() == ".npy":
        return _load_npy(path)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as cause:
        raise _unreadable(path, cause) from cause
    is_csv = path.suffix.lower() == ".csv"
    labels = _csv_column(path, text, column) if is_csv else text.splitlines()
    empty = next((row for row, label in enumerate(labels) if not label.strip()), None)
    if empty is not None:
        raise InvalidLabels(
            f"The label of row {empty} in {path} is empty.",
            "Leave rows without a label out, in the embeddings too.",
        )
    missing = next(
        (row for row, label in enumerate(labels) if label.strip().lower() == "nan"), None
    )
    if missing is not None:
        raise InvalidLabels(
            f"The label of row {missing} in {path} is {labels[missing].strip()!r}.",
            "Leave rows without a label out, in the embeddings too.",
        )
    return labels


def as_kind(labels: ArrayLike, kind: Kind | None) -> tuple[NDArray[Any], Kind]:
    """Labels as the kernels want them, and their kind.

    Left open, numbers with a fractional part make a regression, everything else classes.
    """
    array = np.asarray(labels)
    numbers = _numbers(array)
    if kind is None:
        fractional = numbers is not None and bool(np.any(numbers % 1 > 0))
        kind = "regression" if fractional or array.ndim == 2 else "classification"
    return (array if kind == "classification" or numbers is None else numbers), kind


def _numbers(array: NDArray[Any]) -> NDArray[Any] | None:
    if array.dtype.kind not in "biufU":
        return None
    try:
        return array.astype(np.float64)
    except ValueError:
        return None


def _csv_column(path: Path, text: str, column: str | None) -> list[str]:
    reader = csv.DictReader(text.splitlines())
    names = list(reader.fieldnames or [])
    if column is None and len(names) == 1:
        column = names[0]
    if column is None or column not in names:
        wanted = f"has no column {column!r}" if column else "has several columns"
        raise InvalidDataset(
            f"{path} {wanted}; its columns are {', '.join(names) or 'none'}.",
            "Name it with `label_column`.",
            parameters=("label_column",),
            columns=tuple(names),
        )
    return [row[column] or "" for row in reader]


def _load_npy(path: Path) -> NDArray[Any]:
    try:
        with path.open("rb") as file:
            return np.lib.format.read_array(file, allow_pickle=False)
    except ValueError as cause:
        if "allow_pickle" in str(cause):
            raise UnsafeFile(
                f"{path} holds Python objects (pickle), which may run code, so it is refused.",
                "Save a plain array of numbers or strings with numpy.save.",
            ) from cause
        raise _unreadable(path, cause) from cause
    except (OSError, EOFError) as cause:
        raise _unreadable(path, cause) from cause


def _unreadable(path: Path, cause: Exception) -> InvalidDataset:
    reason = getattr(cause, "strerror", None) or str(cause)
    return InvalidDataset(f"{path} cannot be read: {reason}.", "Check the path and the format.")
