"""From the raw values of a label column to labels, and what kind of task they make."""

import math
import re
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from esm_client.core.errors import InvalidLabels
from esm_client.core.schemas import Kind

_INTEGER = re.compile(r"-?(0|[1-9][0-9]*)")
_DIGITS = re.compile(r"[+-]?[0-9]+")

MAX_GUESSED_CLASSES = 100


def read_labels(values: Sequence[Any], column: str, kind: Kind | None) -> tuple[NDArray[Any], Kind]:
    """Labels (N,) and their kind from a column's raw values.

    Words stay words, whole numbers become integers, and so do the words of a text file that
    are all whole numbers; true and false become those words. Without `kind`, numbers with a
    fraction mean regression, all else classification. Regression labels are float64.

    Raises InvalidLabels for infinite or constant labels, for one class only, for words in a
    regression, and where it could not be determined.
    """
    parsed = _parsed(values, column)
    numeric = not isinstance(parsed[0], str)
    fractions = any(isinstance(value, float) and not value.is_integer() for value in parsed)
    chosen: Kind = kind or ("regression" if fractions else "classification")
    check_varied(parsed, column)
    if chosen == "classification":
        _check_few(len(set(parsed)), len(parsed), column, told=kind is not None)
    if chosen == "regression":
        if not numeric:
            row = next(row for row, value in enumerate(values) if _number(value) is None)
            raise InvalidLabels(
                f"Label {values[row]!r} in row {row} of column {column!r} is no number.",
                'Regression needs numbers; use kind="classification" for words.',
            )
        return np.array(parsed, dtype=np.float64), chosen
    if fractions:
        return np.array([str(value) for value in parsed]), chosen
    if numeric and all(abs(value) < 2**63 for value in parsed):
        return np.array([int(value) for value in parsed], dtype=np.int64), chosen
    return np.array([str(value) for value in parsed]), chosen


def check_varied(labels: Sequence[Any], column: str) -> None:
    """Raise InvalidLabels where all labels are the same: there is nothing to learn."""
    if len(set(labels)) < 2:
        raise InvalidLabels(
            f"Every row has the label {labels[0]!r} in column {column!r}.",
            "Choose another label column, or rows with at least two labels.",
        )


def _parsed(values: Sequence[Any], column: str) -> list[Any]:
    """All numbers, or else all words."""
    numbers = [_number(value) for value in values]
    for row, number in enumerate(numbers):
        if isinstance(number, float) and not math.isfinite(number):
            raise InvalidLabels(
                f"The label in row {row} of column {column!r} is {values[row]!r}.",
                "Labels must be finite; remove these rows.",
            )
    if all(number is not None for number in numbers):
        return numbers
    for row, value in enumerate(values):
        if not isinstance(value, str | bool | int | float):
            raise InvalidLabels(
                f"The label in row {row} of column {column!r} is a {type(value).__name__}.",
                "Labels must be words or numbers.",
            )
    return [str(value) for value in values]


def _number(value: object) -> int | float | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return value
    if isinstance(value, str):
        if _INTEGER.fullmatch(value):  # exact: a float would lose digits beyond 2**53
            return int(value)
        if _DIGITS.fullmatch(value) or "_" in value:  # 007 and 1_2 are codes, not numbers
            return None
        try:
            return float(value)
        except ValueError:
            return None
    return None


def _check_few(distinct: int, rows: int, column: str, *, told: bool) -> None:
    if distinct <= MAX_GUESSED_CLASSES or distinct <= rows / 2:
        return
    if told:
        raise InvalidLabels(
            f"Column {column!r} has {distinct} classes in {rows} rows: most occur once, so there "
            "is nothing to learn.",
            "Choose another `label_column`.",
            parameters=("label_column",),
        )
    raise InvalidLabels(
        f"Column {column!r} has {distinct} different labels in {rows} rows, so its kind "
        "could not be determined.",
        'Pass `kind="classification"` or `kind="regression"`, or choose another `label_column`.',
        parameters=("kind", "label_column"),
    )
