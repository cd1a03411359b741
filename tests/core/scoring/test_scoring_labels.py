"""Labels of every type as columns, the label map's digest, and the errors."""

from typing import Any

import numpy as np
import pytest

from esm_client.core.errors import InvalidInput, InvalidLabels
from esm_client.core.scoring.labels import (
    class_numbers,
    class_sums,
    label_columns,
    label_map_digest,
    sorted_class_names,
)


@pytest.mark.parametrize(
    ("labels", "names", "ids"),
    [
        ([3, 1, 3], ["1", "3"], [1, 0, 1]),
        ([10, 9, -1], ["-1", "9", "10"], [2, 1, 0]),
        (np.array([3, 1, 3], dtype=np.uint8), ["1", "3"], [1, 0, 1]),
        (["b", "a", "b"], ["a", "b"], [1, 0, 1]),
        (np.array(["b", "a", "b"]), ["a", "b"], [1, 0, 1]),
        (np.array(["b", "a", "b"], dtype=object), ["a", "b"], [1, 0, 1]),
        ([True, False], ["False", "True"], [1, 0]),
        (np.array([True, False]), ["False", "True"], [1, 0]),
        ([1.0, 0.0, 0.5], ["0", "0.5", "1"], [2, 0, 1]),
        (np.array([0.1, 1.0], dtype=np.float32), ["0.1", "1"], [0, 1]),
        (np.array([0.1, 1.0], dtype=np.float16), ["0.1", "1"], [0, 1]),
        (["2", "a", "10", "inf", "nan"], ["2", "10", "a", "inf", "nan"], [0, 2, 1, 3, 4]),
        ([2, "a"], ["2", "a"], [0, 1]),
        (["only"], ["only"], [0]),
    ],
)
def test_classes(labels: Any, names: list[str], ids: list[int]) -> None:
    columns = label_columns(labels, kind="classification")
    assert columns.class_names == names
    assert columns.values.dtype == np.float64
    assert np.array_equal(columns.values, np.eye(len(names))[ids])
    assert columns.class_counts == np.bincount(ids).tolist()
    assert class_numbers(labels).tolist() == ids


def test_sums_of_classes() -> None:
    rng = np.random.default_rng(0)
    for count in (1, 3, 40):
        rows, classes = rng.normal(size=(40, 5)), rng.permutation(np.arange(40) % count)
        expected = [sum(rows[i] for i in range(40) if classes[i] == c) for c in range(count)]
        assert class_sums(rows, classes) == pytest.approx(np.array(expected), abs=1e-13)


def test_declared_classes() -> None:
    columns = label_columns(["b"], kind="classification", class_names=["c", "b"])
    assert columns.class_names == ["b", "c"]
    assert columns.values.tolist() == [[1.0, 0.0]]
    with pytest.raises(InvalidLabels, match="'a' is not among"):
        label_columns(["a"], kind="classification", class_names=["c", "b"])


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ([1, 2], [[1.0], [2.0]]),
        ([True, False], [[1.0], [0.0]]),
        ([[1.0, 2.0]], [[1.0, 2.0]]),
        (np.array([1, 2], dtype=object), [[1.0], [2.0]]),
        (np.array([1, 2], dtype=np.float16), [[1.0], [2.0]]),
    ],
)
def test_regression(labels: Any, expected: list[list[float]]) -> None:
    columns = label_columns(labels, kind="regression")
    assert columns.values.tolist() == expected
    assert columns.values.dtype == np.float64
    assert (columns.class_names, columns.class_counts) == ([], [])


@pytest.mark.parametrize(
    "labels",
    [
        [0.0, np.nan],
        [0.0, np.inf],
        ["a", None],
        ["a", np.nan],
        np.array([0.0, np.nan], dtype=np.float32),
        np.array(["a", None], dtype=object),
        [0, 1j],
        [b"a"],
        [[0, 1]],
        [[0], [0, 1]],
        [],
        3,
        np.array(["2020-01-01"], dtype="datetime64[D]"),
        np.array(["2020-01-01"], dtype="datetime64[ns]"),
        np.array([3], dtype="timedelta64[ns]"),
    ],
)
def test_invalid_classes(labels: Any) -> None:
    for function in (lambda x: label_columns(x, kind="classification"), class_numbers):
        with pytest.raises(InvalidLabels) as caught:
            function(labels)
        assert caught.value.hint


@pytest.mark.parametrize(
    "labels",
    [
        [0.0, np.nan],
        [0.0, -np.inf],
        [1.0, None],
        ["a", "b"],
        ["1.0", "2.0"],
        [1j],
        [],
        np.zeros((2, 0)),
        np.zeros((2, 2, 2)),
        [[1.0], [1.0, 2.0]],
        1.0,
    ],
)
def test_invalid_regression(labels: Any) -> None:
    with pytest.raises(InvalidLabels) as caught:
        label_columns(labels, kind="regression")
    assert caught.value.hint


def test_message_names_the_offender() -> None:
    with pytest.raises(InvalidLabels, match="'nan' in row 1"):
        label_columns([1.0, np.nan], kind="classification")
    with pytest.raises(InvalidLabels, match=r"\[nan\] in row 1"):
        label_columns([1.0, np.nan], kind="regression")


def test_digest() -> None:
    digest = label_map_digest("classification", ["a", "b"])
    assert digest.startswith("sha256:")
    assert len(digest) == 71
    assert label_columns(["b", "a"], kind="classification").label_map_digest == digest
    assert label_map_digest("classification", ["a", "c"]) != digest
    assert label_map_digest("regression", ["a", "b"]) != digest
    assert label_map_digest("classification", ['a","b']) != digest


def test_unknown_kind() -> None:
    with pytest.raises(InvalidInput, match="'ranking' is no kind"):
        label_columns([0], kind="ranking")  # type: ignore[arg-type]


def test_order_is_total() -> None:
    names = {"1", "01", "1.0", "-2", "b", "", "nan", "1e400"}
    assert sorted_class_names(names) == ["-2", "01", "1", "1.0", "", "1e400", "b", "nan"]
