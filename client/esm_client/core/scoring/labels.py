"""Labels as float64 columns: one per class that occurs, or one per regression target."""

import hashlib
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from esm_client.core.errors import InvalidInput, InvalidLabels
from esm_client.core.scoring.features import centred

Kind = Literal["classification", "regression"]
SHOWN_COLUMNS = 6
"""Numbers of a row that an error shows: there may be millions."""


@dataclass(frozen=True)
class LabelColumns:
    """Label columns (N, C) float64; `class_names` name them, empty for regression."""

    values: NDArray[np.float64]
    kind: Kind
    class_names: list[str]

    @property
    def class_counts(self) -> list[int]:
        """Rows per class, in the order of `class_names`; empty for regression."""
        if self.kind == "regression":
            return []
        return [int(count) for count in self.values.sum(axis=0)]

    @property
    def label_map_digest(self) -> str:
        """Digest of the kind and the class names: equal digests mean equal columns."""
        return label_map_digest(self.kind, self.class_names)


def check_paired(
    num_labels: int, num_rows: int, *, labels: str = "labels", rows: str = "embeddings"
) -> None:
    """Raise InvalidLabels unless there is one label per row; labels, rows: what they are called."""
    if num_labels != num_rows:
        raise InvalidLabels(
            f"{num_labels} {labels} do not fit {num_rows} {rows}.", "Pass one per row."
        )


def label_columns(
    labels: ArrayLike, *, kind: Kind, class_names: Sequence[str] | None = None
) -> LabelColumns:
    """Turn labels into float64 columns.

    Classification: labels (N,) of integers, strings, booleans or floats become one
    0/1 column per class that occurs, numbers in numeric order before words in
    alphabetical order. `class_names` names the classes instead, so that several
    parts of one target get the same ones, be a class absent from a part or not.
    Regression: labels (N,) or (N, C) of numbers become (N, C).

    Raises InvalidLabels for NaN, infinite or missing labels, a wrong shape or type,
    no labels, or a label outside `class_names`; InvalidInput for an unknown kind.

    >>> columns = label_columns(["no", "yes", "no"], kind="classification")
    >>> columns.class_names, columns.values.tolist()
    (['no', 'yes'], [[1.0, 0.0], [0.0, 1.0], [1.0, 0.0]])
    >>> label_columns([10, 2, 10], kind="classification").class_names
    ['2', '10']
    """
    check_kind(kind)
    if kind == "regression":
        return LabelColumns(_regression_columns(labels), kind, [])
    names = _row_names(labels)
    columns = sorted_class_names(names if class_names is None else class_names)
    position = {name: index for index, name in enumerate(columns)}
    unknown = sorted_class_names(set(names) - position.keys())
    if unknown:
        raise InvalidLabels(
            f"Label {unknown[0][:80]!r} is not among the class names.",
            "Add it to the class names, or leave them out to take the classes that occur.",
        )
    values = np.zeros((len(names), len(columns)))
    values[np.arange(len(names)), [position[name] for name in names]] = 1.0
    return LabelColumns(values, kind, columns)


def class_numbers(labels: ArrayLike) -> NDArray[np.intp]:
    """The column of each row's class in `label_columns`: numbers from 0 without gaps.

    Raises InvalidLabels as `label_columns` does.

    >>> class_numbers(["yes", "no", "yes"]).tolist()
    [1, 0, 1]
    """
    names = _row_names(labels)
    position = {name: index for index, name in enumerate(sorted_class_names(names))}
    return np.array([position[name] for name in names], dtype=np.intp)


def class_sums(rows: NDArray[np.float64], classes: NDArray[np.intp]) -> NDArray[np.float64]:
    """Sums (C, D) of the rows (N, D) of each class; `classes` as from `class_numbers`.

    >>> class_sums(np.array([[1.0], [2.0], [4.0]]), np.array([1, 0, 1])).tolist()
    [[2.0], [5.0]]
    """
    sums = np.zeros((int(classes.max()) + 1, rows.shape[1]))
    np.add.at(sums, classes, rows)
    return sums


def check_kind(kind: str) -> None:
    """Raise InvalidInput unless `kind` is one of Kind."""
    if kind not in get_args(Kind):
        raise InvalidInput(
            f"{str(kind)[:40]!r} is no kind of task.",
            'Use `kind="classification"` or `kind="regression"`.',
            parameters=("kind",),
        )


def check_varied(columns: LabelColumns, *, intercept: bool) -> None:
    """Raise InvalidLabels where there is nothing to explain.

    That is one class only or a constant column with an intercept, a column of
    zeros without.
    """
    if (
        intercept
        and columns.kind == "classification"
        and max(columns.class_counts) == len(columns.values)
    ):
        raise nothing_to_explain("only one class occurs")
    left = centred(columns.values)[0] if intercept else columns.values
    flat = np.flatnonzero(~left.any(axis=0))
    if columns.kind == "regression" and flat.size:
        raise nothing_to_explain(f"regression column {flat[0]} is constant")


def nothing_to_explain(reason: str) -> InvalidLabels:
    """The error for labels that do not vary, `reason` in the middle of its sentence."""
    return InvalidLabels(
        f"The labels leave nothing to explain: {reason}.",
        "Check the label column, or take rows with at least two different labels.",
    )


def sorted_class_names(names: Sequence[str] | set[str]) -> list[str]:
    """Distinct names, numbers in numeric order first, then words alphabetically.

    >>> sorted_class_names({"b", "10", "9", "a"})
    ['9', '10', 'a', 'b']
    """
    return sorted(set(names), key=_sort_key)


def label_map_digest(kind: Kind, class_names: Sequence[str]) -> str:
    """SHA-256 ("sha256:" and hexadecimal) of the canonical JSON of kind and class names.

    >>> label_map_digest("classification", ["no", "yes"])[:23]
    'sha256:33c87e8c43fdf1da'
    """
    canonical = json.dumps(
        {"class_names": list(class_names), "kind": kind}, sort_keys=True, separators=(",", ":")
    )
    return f"sha256:{hashlib.sha256(canonical.encode()).hexdigest()}"


def _sort_key(name: str) -> tuple[int, float, str]:
    try:
        value = float(name)
    except ValueError:
        return (1, 0.0, name)
    return (0, value, name) if math.isfinite(value) else (1, 0.0, name)


def _row_names(labels: ArrayLike) -> list[str]:
    # A list goes through objects: numpy would turn ["a", nan] into words.
    array: NDArray[Any]
    array = np.asarray(labels) if hasattr(labels, "dtype") else np.asarray(labels, dtype=object)
    if array.ndim != 1 or array.size == 0:
        raise InvalidLabels(
            f"Class labels of shape {array.shape} are not one label per row.",
            "Pass a one-dimensional sequence with at least one label.",
        )
    if array.dtype.kind == "O":
        return [_class_name(value, row) for row, value in enumerate(array)]
    distinct, first, inverse = np.unique(array, return_index=True, return_inverse=True)
    names = [_class_name(value, int(row)) for value, row in zip(distinct, first, strict=True)]
    return [names[index] for index in inverse]


def _class_name(value: object, row: int) -> str:
    # A float32 is named by its own shortest form, 0.1, not by that of its float64 twin.
    text = str(value)
    # Dates are left wrapped: a fine one would unwrap to a plain integer.
    if isinstance(value, np.generic) and not isinstance(value, np.datetime64 | np.timedelta64):
        value = cast("Any", value).item()
    if isinstance(value, bool | int | str):
        return text
    if isinstance(value, float) and math.isfinite(value):
        return str(int(value)) if value.is_integer() else text
    raise InvalidLabels(
        f"Label {text[:80]!r} in row {row} is missing or not usable as a class.",
        "Use integers, strings, booleans or finite numbers, and leave unlabelled rows out.",
    )


def _regression_columns(labels: ArrayLike) -> NDArray[np.float64]:
    try:
        array: NDArray[Any] = np.asarray(labels)
        if array.dtype.kind not in "biufO":
            raise ValueError(f"type {array.dtype}")
        values = array.astype(np.float64)
    except (ValueError, TypeError, OverflowError) as error:
        raise InvalidLabels(
            f"Regression labels must be numbers ({str(error)[:200]}).",
            'Convert them to floats, or use kind="classification".',
        ) from error
    if values.ndim not in (1, 2) or values.size == 0:
        raise InvalidLabels(
            f"Regression labels of shape {values.shape} are not columns of numbers.",
            "Pass an array of shape (N,) or (N, C) with at least one row.",
        )
    columns = values.reshape(len(values), -1)
    bad = np.flatnonzero(~np.isfinite(columns).all(axis=1))
    if bad.size:
        shown = ", ".join(str(value) for value in columns[bad[0], :SHOWN_COLUMNS].tolist())
        more = ", ..." if columns.shape[1] > SHOWN_COLUMNS else ""
        raise InvalidLabels(
            f"Regression label [{shown}{more}] in row {bad[0]} is missing or infinite.",
            "Leave rows without a finite label out.",
        )
    return columns
