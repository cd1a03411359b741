"""Leave-one-out neighbours against sorted distances, their ties, invariances and errors."""

import math
from typing import Any

import numpy as np
import pytest

from esm_client.core.errors import InvalidEmbeddings, InvalidInput, InvalidLabels
from esm_client.core.scoring.nearest_neighbours import (
    BLOCK_ROWS,
    NEIGHBOURS,
    nearest_neighbour_score,
)


def by_sorting(features: Any, labels: Any, kind: str, neighbours: int = NEIGHBOURS) -> float:
    """All distances of each row sorted, equal ones in the order of rows, and the votes counted."""
    x, y = np.asarray(features, dtype=np.float64), np.asarray(labels).tolist()
    near = []
    for i in range(len(x)):
        distance = ((x - x[i]) ** 2).sum(axis=1).tolist()
        others = [j for j in range(len(x)) if j != i]
        near.append(sorted(others, key=lambda j: (distance[j], j))[:neighbours])
    if kind == "classification":
        return sum(elected([y[j] for j in near[i]]) == y[i] for i in range(len(x))) / len(x)
    columns = [[value] for value in y] if np.ndim(y) == 1 else y
    scores = []
    for c in range(len(columns[0])):
        truth = [row[c] for row in columns]
        scores.append(pearson(truth, [sum(truth[j] for j in js) / len(js) for js in near]))
    return sum(scores) / len(scores)


def elected(votes: list[Any]) -> Any:
    most = max(votes.count(vote) for vote in votes)
    return next(vote for vote in votes if votes.count(vote) == most)


def pearson(x: list[float], y: list[float]) -> float:
    mean_x, mean_y = math.fsum(x) / len(x), math.fsum(y) / len(y)
    product = math.fsum((a - mean_x) * (b - mean_y) for a, b in zip(x, y, strict=True))
    squares = math.fsum((a - mean_x) ** 2 for a in x) * math.fsum((b - mean_y) ** 2 for b in y)
    return product / math.sqrt(squares)


def target(seed: int, rows: int, dimension: int, classes: int) -> tuple[Any, Any, Any]:
    rng = np.random.default_rng(seed)
    labels = rng.permutation(np.arange(rows) % classes)
    x = rng.normal(size=(classes, dimension))[labels] + rng.normal(size=(rows, dimension))
    return x, labels, x[:, :1] + rng.normal(size=(rows, 2))


def test_by_hand() -> None:
    # The two neighbours of 0, 1, 3 and 7, nearest first, are (1, 3), (0, 3), (1, 0) and (3, 1).
    # Their classes elect b, a (0 is nearer than 3), b (1 is nearer than 0) and b: one is right.
    x = [[0.0], [1.0], [3.0], [7.0]]
    classes = ["a", "b", "b", "a"]
    found = nearest_neighbour_score(x, classes, kind="classification", neighbours=2)
    assert found == 1 / 4
    # Means of the neighbours' values 0, 1, 3, 7: 2, 3/2, 1/2, 2. Deviations of the values from
    # 11/4 are -11/4, -7/4, 1/4, 17/4, those of the means from 3/2 are 1/2, 0, -1, 1/2.
    # Products: -11/8 - 2/8 + 17/8 = 1/2; squares: 460/16 and 3/2.
    found = nearest_neighbour_score(x, [0, 1, 3, 7], kind="regression", neighbours=2)
    assert found == pytest.approx(0.5 / math.sqrt(460 / 16 * 1.5), rel=1e-14)


@pytest.mark.parametrize(
    ("rows", "dimension", "classes"),
    [(2, 1, 2), (3, 3, 2), (8, 30, 3), (20, 20, 4), (90, 1, 3), (90, 5, 2), (300, 4, 100)],
)
@pytest.mark.parametrize("neighbours", [1, 2, 4, 5, 6, 1000])
def test_equals_sorting_all_distances(
    rows: int, dimension: int, classes: int, neighbours: int
) -> None:
    x, labels, values = target(rows, rows, dimension, classes)
    for y, kind in (
        (labels, "classification"),
        (values, "regression"),
        (values[:, 0], "regression"),
    ):
        found = nearest_neighbour_score(x, y, kind=kind, neighbours=neighbours)  # type: ignore[arg-type]
        assert found == pytest.approx(by_sorting(x, y, kind, neighbours), rel=0, abs=1e-12)


@pytest.mark.parametrize("neighbours", [1, 3, 4, 7, 50])
def test_equal_distances_count_in_the_order_of_rows(neighbours: int) -> None:
    # Small whole numbers: distances are exact, and most rows have several at the same.
    rng = np.random.default_rng(1)
    for dimension in (1, 2, 3):
        x = rng.integers(-2, 3, size=(80, dimension)).astype(float)
        x = np.vstack([x, x[:10], x[:10]])
        labels = rng.integers(0, 3, size=100)
        for y, kind in ((labels, "classification"), (labels * 1.5, "regression")):
            found = nearest_neighbour_score(x, y, kind=kind, neighbours=neighbours)  # type: ignore[arg-type]
            assert found == pytest.approx(by_sorting(x, y, kind, neighbours), rel=0, abs=1e-12)


@pytest.mark.parametrize("rows", [BLOCK_ROWS, BLOCK_ROWS + 1])
def test_rows_in_several_blocks(rows: int) -> None:
    rng = np.random.default_rng(2)
    x = rng.integers(-9, 10, size=(rows, 2)).astype(float)
    labels = (x[:, 0] > rng.normal(size=rows)).astype(int)
    found = nearest_neighbour_score(x, labels, kind="classification")
    assert found == by_sorting(x, labels, "classification")


def test_of_classes_with_as_many_votes_that_of_the_nearest_wins() -> None:
    # All others vote. A b sees four a and is not told. An a sees three of each, so its nearest row
    # decides: for rows 0 and 6 an a, for row 1 row 0, an a, for row 5 row 4, a b.
    x = [[0.0], [1.0], [2.0], [3.0], [4.0], [5.0], [6.0]]
    found = nearest_neighbour_score(x, list("aabbbaa"), kind="classification", neighbours=6)
    assert found == 3 / 7


def test_duplicates_are_each_others_nearest() -> None:
    x = np.random.default_rng(3).normal(size=(50, 768)) + 5.0
    doubled = np.vstack([x, x])
    names = [f"row {i}" for i in range(50)]
    found = nearest_neighbour_score(doubled, names * 2, kind="classification", neighbours=1)
    assert found == 1.0
    values = np.r_[np.arange(50.0), np.arange(50.0)]
    found = nearest_neighbour_score(doubled, values, kind="regression", neighbours=1)
    assert found == pytest.approx(1.0, abs=1e-14)


def test_features_that_do_not_vary_have_the_first_rows_as_neighbours() -> None:
    # Rows 0 and 1 see each other first, all others row 0, which decides between two votes.
    labels = ["a", "b", "a", "b", "b", "a", "a"]
    for value in (0.0, 0.1, 1e300):
        found = nearest_neighbour_score(
            np.full((7, 3), value), labels, kind="classification", neighbours=2
        )
        assert found == 3 / 7  # rows 2, 5 and 6


def test_one_class_is_always_told() -> None:
    x, _, _ = target(4, 20, 3, 2)
    assert nearest_neighbour_score(x, ["a"] * 20, kind="classification") == 1.0


def test_a_class_of_one_row_is_never_told() -> None:
    x = [[0.0], [0.1], [0.2], [0.3], [9.0]]
    found = nearest_neighbour_score(x, list("aaaab"), kind="classification", neighbours=1)
    assert found == 4 / 5


def test_constant_labels_or_means_correlate_with_nothing() -> None:
    x, _, values = target(5, 60, 3, 2)
    for constant in (0.0, 0.1, -3.3e10):
        assert nearest_neighbour_score(x, np.full(60, constant), kind="regression") == 0.0
        both = np.column_stack([values[:, 0], np.full(60, constant)])
        half = nearest_neighbour_score(x, values[:, 0], kind="regression") / 2
        assert nearest_neighbour_score(x, both, kind="regression") == pytest.approx(half)
    # The first row is the nearest of all others, and the second, with the same value, is its own.
    star = [[0.0, 0.0], [1.0, 0.0], [-1.0, 0.0], [0.0, 1.0]]
    values = np.array([0.1, 0.1, 0.7, 0.5])
    assert nearest_neighbour_score(star, values, kind="regression", neighbours=1) == 0.0


def test_with_all_others_as_neighbours_the_mean_falls_as_the_label_rises() -> None:
    # The mean of the others is (sum - own) / (N - 1).
    x, _, values = target(6, 30, 3, 2)
    for neighbours in (29, 30, 10**9):
        found = nearest_neighbour_score(x, values, kind="regression", neighbours=neighbours)
        assert found == pytest.approx(-1.0, abs=1e-12)


@pytest.mark.parametrize("scale", [1e-300, 1e-170, 1e-6, 1e6, 1e170, 2e307])
@pytest.mark.parametrize("neighbours", [2, 5])
def test_scale_does_not_matter(scale: float, neighbours: int) -> None:
    x, labels, values = target(7, 60, 4, 3)
    for y, kind in ((labels, "classification"), (values, "regression")):
        expected = by_sorting(x, y, kind, neighbours)
        beside = np.column_stack([x * scale, np.full(60, 1e6)])
        for features in (x * scale, beside):
            found = nearest_neighbour_score(features, y, kind=kind, neighbours=neighbours)  # type: ignore[arg-type]
            assert found == pytest.approx(expected, rel=0, abs=1e-12)
    expected = by_sorting(x, values, "regression", neighbours)
    found = nearest_neighbour_score(x, values * scale, kind="regression", neighbours=neighbours)
    assert found == pytest.approx(expected, rel=0, abs=1e-12)


def test_a_mean_far_from_zero_does_not_matter() -> None:
    x, labels, values = target(8, 60, 4, 3)
    for shift in (1e4, 1e8):
        moved = np.column_stack([x + shift, np.full(60, 1e12)])
        for y, kind in ((labels, "classification"), (values, "regression")):
            found = nearest_neighbour_score(moved, y, kind=kind)  # type: ignore[arg-type]
            assert found == pytest.approx(by_sorting(x, y, kind), rel=0, abs=1e-12)


def test_an_outlier_does_not_blur_the_distances_of_others() -> None:
    x, labels, _ = target(9, 60, 4, 3)
    x[7] *= 1e8
    found = nearest_neighbour_score(x, labels, kind="classification")
    assert found == by_sorting(x, labels, "classification")


def test_rotation_order_and_names_do_not_matter() -> None:
    rng = np.random.default_rng(10)
    x, labels, values = target(10, 60, 4, 3)
    rotation, order = np.linalg.qr(rng.normal(size=(4, 4)))[0], rng.permutation(60)
    score = nearest_neighbour_score(x, labels, kind="classification")
    for features, classes in (
        (x @ rotation, labels),
        (x[order], labels[order]),
        (x, 2 - labels),
        (x, [f"class {label}" for label in labels]),
    ):
        assert nearest_neighbour_score(features, classes, kind="classification") == score
    correlation = nearest_neighbour_score(x, values, kind="regression")
    for features, numbers in (
        (x @ rotation, values),
        (x[order], values[order]),
        (x, 3.0 * values - 8.0),
        (x, values[:, ::-1]),
    ):
        found = nearest_neighbour_score(features, numbers, kind="regression")
        assert found == pytest.approx(correlation, rel=0, abs=1e-12)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.int8])
def test_low_precision_is_computed_in_float64(dtype: Any) -> None:
    x, labels, _ = target(11, 60, 4, 3)
    low = (10 * x).astype(dtype)
    found = nearest_neighbour_score(low, labels > 0, kind="classification")
    assert found == by_sorting(low.astype(np.float64), labels > 0, "classification")


def test_inputs_are_not_written() -> None:
    arrays = target(12, 20, 3, 2)
    copies = [array.copy() for array in arrays]
    for array in arrays:
        array.flags.writeable = False
    nearest_neighbour_score(arrays[0], arrays[1], kind="classification")
    nearest_neighbour_score(arrays[0], arrays[2], kind="regression")
    for array, copy in zip(arrays, copies, strict=True):
        assert np.array_equal(array, copy)


@pytest.mark.parametrize("neighbours", [0, -3])
def test_no_neighbours(neighbours: int) -> None:
    with pytest.raises(InvalidInput, match="tell nothing"):
        nearest_neighbour_score([[1.0], [2.0]], [0, 1], kind="regression", neighbours=neighbours)


def test_unknown_kind() -> None:
    with pytest.raises(InvalidInput, match="ranking"):
        nearest_neighbour_score([[1.0], [2.0]], [0, 1], kind="ranking")  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", ["classification", "regression"])
def test_invalid(kind: Any) -> None:
    for features in ([[np.nan], [1.0]], [1.0, 2.0], [["a"], ["b"]]):
        with pytest.raises(InvalidEmbeddings):
            nearest_neighbour_score(features, [0, 1], kind=kind)
    for labels in ([0, 1, 1], [0.0, np.nan], [0.0, None], [], 3, np.zeros((2, 1, 1))):
        with pytest.raises(InvalidLabels) as caught:
            nearest_neighbour_score([[1.0], [2.0]], labels, kind=kind)
        assert caught.value.hint
    with pytest.raises(InvalidLabels, match="single row"):
        nearest_neighbour_score([[1.0]], [1], kind=kind)
    with pytest.raises(InvalidLabels):
        nearest_neighbour_score([[1.0], [2.0]], ["a", "b"], kind="regression")
