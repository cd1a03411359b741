"""The shrunk H-score against its definition in loops, its invariances and errors."""

from typing import Any

import numpy as np
import pytest

from esm_client.core.errors import InvalidEmbeddings, InvalidLabels
from esm_client.core.scoring.h_score import LEAST_SHRINKAGE, h_score

Array = np.ndarray


def by_definition(features: Any, labels: Any) -> tuple[float, float]:
    """The score, and Ledoit and Wolf's shrinkage from every row's own |x x^T - C|^2."""
    x = np.asarray(features, dtype=np.float64)
    num_rows, dimension = x.shape
    x = x - sum(x) / num_rows
    covariance = sum(np.outer(row, row) for row in x) / num_rows
    level = sum(covariance[d, d] for d in range(dimension)) / dimension
    noise = sum(((np.outer(row, row) - covariance) ** 2).sum() for row in x) / num_rows**2
    spread = ((covariance - level * np.eye(dimension)) ** 2).sum()
    shrinkage = 0.0 if dimension == 1 else min(noise, spread) / spread
    shrunk = (1 - shrinkage) * covariance + shrinkage * level * np.eye(dimension)
    between = np.zeros((dimension, dimension))
    for label in set(labels):
        rows = [row for row, other in zip(x, labels, strict=True) if other == label]
        mean = sum(rows) / len(rows)
        between += len(rows) / num_rows * np.outer(mean, mean)
    score = (1 - shrinkage) * np.trace(np.linalg.inv(shrunk) @ between)
    return float(score), float(shrinkage)


def signal(seed: int, rows: int, dimension: int, classes: int) -> tuple[Array, Array]:
    """Features that vary with the classes (and by direction), and the classes."""
    rng = np.random.default_rng(seed)
    labels = rng.permutation(np.arange(rows) % classes)
    means = rng.normal(size=(classes, dimension))
    scales = 2.0 ** rng.uniform(-2, 2, size=dimension)
    return scales * (means[labels] + rng.normal(size=(rows, dimension))), labels


def test_by_hand_in_one_dimension() -> None:
    # The mean is 3; the variance (4 + 1 + 0 + 9) / 4 = 7/2; the class means 3/2 and 9/2 lie 3/2
    # off, 9/4 between classes; one dimension is not shrunk. 9/4 / (7/2) = 9/14.
    assert h_score([[1.0], [2.0], [3.0], [6.0]], list("aabb")) == pytest.approx(9 / 14, rel=1e-9)


def test_by_hand_in_two_dimensions() -> None:
    # Rows (2, 0), (-2, 0), (0, 1), (0, -1), twice: C = diag(2, 1/2), its mean 5/4, so
    # |C - 5/4 I|^2 = 9/8. |x x^T - C|^2 is 2^2 + (1/2)^2 = 17/4 for every row: over 8 of them
    # a = (17/4 / 8) / (9/8) = 17/36.
    # S = 19/36 C + 17/36 5/4 I: its first entry is 38/36 + 85/144 = 237/144. Classes: (2, 0) alone,
    # and all others, whose mean is (-4/6, 0): B = 1/4 4 + 3/4 4/9 = 4/3 in that entry, 0 elsewhere.
    # (1 - a) B / S = 19/36 4/3 144/237 = 304/711.
    rows = [[2.0, 0.0], [-2.0, 0.0], [0.0, 1.0], [0.0, -1.0]] * 2
    assert h_score(rows, [1, 0, 0, 0] * 2) == pytest.approx(304 / 711, rel=1e-14)


@pytest.mark.parametrize(
    ("rows", "dimension", "classes"),
    [
        (2, 1, 2),
        (3, 6, 2),
        (8, 20, 3),
        (9, 9, 3),
        (12, 1, 4),
        (60, 4, 3),
        (60, 10, 60),
        (130, 12, 100),
        (300, 6, 5),
    ],
)
def test_equals_the_definition(rows: int, dimension: int, classes: int) -> None:
    for seed in range(3):
        x, labels = signal(seed, rows, dimension, classes)
        expected, _ = by_definition(x, labels.tolist())
        found = h_score(x, labels)
        assert found == pytest.approx(expected, rel=1e-9, abs=1e-12)
        assert 0.0 <= found <= classes - 1


def test_a_class_of_one_row() -> None:
    x, _ = signal(3, 20, 5, 2)
    labels = ["many"] * 19 + ["once"]
    assert h_score(x, labels) == pytest.approx(by_definition(x, labels)[0], rel=1e-10)


def test_duplicate_rows_and_constant_columns() -> None:
    x, labels = signal(4, 15, 4, 3)
    x = np.column_stack([np.full(15, 0.1), x, np.full(15, -7e3), np.zeros(15)])
    x, labels = np.vstack([x, x[:6], x[:1]]), np.r_[labels, labels[:6], labels[:1]]
    expected, shrinkage = by_definition(x, labels.tolist())
    assert 0.0 < shrinkage < 1.0
    assert h_score(x, labels) == pytest.approx(expected, rel=1e-10)


@pytest.mark.parametrize("dimension", [1, 2, 5, 300])
def test_two_points_are_told_apart_in_one_direction(dimension: int) -> None:
    # Every x x^T is the covariance, so nothing is shrunk, and the covariance has no inverse; in
    # the direction in which rows vary, all variation is between classes.
    point = np.random.default_rng(5).normal(size=dimension)
    x, labels = np.outer([1, -1, 1, -1, -1, 1], point), list("ababba")
    assert h_score(x, labels) == pytest.approx(1.0, abs=10 * LEAST_SHRINKAGE)
    mixed = h_score(x, list("aabbab"))
    assert mixed == pytest.approx(1 / 9, abs=10 * LEAST_SHRINKAGE)


@pytest.mark.parametrize("angle", [0.0, 0.1, 0.7, 1.0, 2.0])
def test_features_that_vary_alike_in_all_directions_are_shrunk_away(angle: float) -> None:
    rotation = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    corners = np.array([[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]])
    assert h_score(corners @ rotation, [0, 0, 1, 1]) == 0.0


def test_features_that_do_not_vary_score_nothing() -> None:
    for value in (0.0, 0.1, -1e300):
        assert h_score(np.full((6, 3), value), [0, 1] * 3) == 0.0
        assert h_score(np.full((6, 1), value), [0, 1] * 3) == 0.0


def test_classes_that_lie_apart_score_higher() -> None:
    x, labels = signal(6, 80, 6, 4)
    shuffled = np.random.default_rng(6).permutation(labels)
    further = x + 3.0 * np.eye(6)[labels]
    assert h_score(x, shuffled) < h_score(x, labels) < h_score(further, labels)


@pytest.mark.parametrize("scale", [1e-300, 1e-150, 1e-6, 1e-3, 7.0, 1e6, 1e150, 2e306])
def test_scale_does_not_matter(scale: float) -> None:
    for rows, dimension in ((200, 5), (10, 30), (12, 1)):
        x, labels = signal(7, rows, dimension, 3)
        assert h_score(x * scale, labels) == pytest.approx(h_score(x, labels), rel=1e-12)


def test_shift_and_rotation_do_not_matter() -> None:
    rng = np.random.default_rng(8)
    for rows, dimension in ((40, 5), (10, 30)):
        x, labels = signal(8, rows, dimension, 3)
        rotation = np.linalg.qr(rng.normal(size=(dimension, dimension)))[0]
        assert h_score(x @ rotation, labels) == pytest.approx(h_score(x, labels), rel=1e-10)
        shifted = x + 1e3 * rng.normal(size=dimension)
        assert h_score(shifted, labels) == pytest.approx(h_score(x, labels), rel=1e-9)


def test_small_variation_beside_a_large_constant_column() -> None:
    x, labels = signal(9, 30, 3, 3)
    expected = by_definition(np.column_stack([x, np.zeros(30)]), labels.tolist())[0]
    for scale in (1e-6, 1e-100, 1e-200):
        found = h_score(np.column_stack([x * scale, np.full(30, 1e6)]), labels)
        assert found == pytest.approx(expected, rel=1e-10)


def test_order_and_names_do_not_matter() -> None:
    x, labels = signal(10, 30, 4, 3)
    expected = h_score(x, labels)
    order = np.random.default_rng(10).permutation(30)
    assert h_score(x[order], labels[order]) == pytest.approx(expected, rel=1e-12)
    for renamed in (2 - labels, labels * 0.5, [f"class {y}" for y in labels]):
        assert h_score(x, renamed) == pytest.approx(expected, rel=1e-12)
    two = labels > 0
    for renamed in (two, two.tolist(), ["yes" if y else "no" for y in two], two.astype(int)):
        assert h_score(x, renamed) == pytest.approx(h_score(x, ~two), rel=1e-12)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.int32])
def test_low_precision_is_computed_in_float64(dtype: Any) -> None:
    x, labels = signal(11, 30, 4, 3)
    low = (100 * x).astype(dtype)
    assert h_score(low, labels) == h_score(low.astype(np.float64), labels)


def test_inputs_are_not_written() -> None:
    x, labels = signal(12, 30, 4, 3)
    copies = x.copy(), labels.copy()
    x.flags.writeable = labels.flags.writeable = False
    h_score(x, labels)
    assert np.array_equal(x, copies[0])
    assert np.array_equal(labels, copies[1])


@pytest.mark.parametrize(
    "features", [[[np.nan], [1.0]], [[np.inf], [1.0]], [1.0, 2.0], np.zeros((2, 0)), [["a"], ["b"]]]
)
def test_invalid_embeddings(features: Any) -> None:
    with pytest.raises(InvalidEmbeddings) as caught:
        h_score(features, [0, 1])
    assert caught.value.hint


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        ([0, 1], "2 labels do not fit 3"),
        ([1, 1, 1], "only one class"),
        (["a", None, "b"], "missing"),
        ([0.0, 1.0, np.nan], "missing"),
        ([[0], [1], [1]], "one label per row"),
    ],
)
def test_invalid_labels(labels: Any, words: str) -> None:
    with pytest.raises(InvalidLabels, match=words) as caught:
        h_score([[1.0], [2.0], [4.0]], labels)
    assert caught.value.hint
