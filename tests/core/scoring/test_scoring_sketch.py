"""The target sketch against the direct computation, streaming, merging and warnings."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from esm_client.core.errors import (
    InvalidLabels,
)
from esm_client.core.scoring.evidence import log_maximum_evidence
from esm_client.core.scoring.sketch import TargetSketch

pytestmark = pytest.mark.filterwarnings(
    "ignore::esm_client.core.scoring.disclosure.DisclosureWarning"
)

TOLERANCE = {"rel": 0, "abs": 1e-8}


def streamed(x: np.ndarray, y: Any, kind: Any, blocks: list[int]) -> TargetSketch:
    sketch = TargetSketch(x.shape[1], kind=kind)
    start = 0
    for block in [*blocks, len(x)]:
        if start < len(x):
            sketch.update(x[start : start + block], y[start : start + block])
        start += block
    return sketch


@pytest.mark.parametrize("intercept", [True, False])
@pytest.mark.parametrize("way", ["whole", "streamed", "merged", "bytes"])
def test_equals_direct(case: Any, intercept: bool, way: str) -> None:
    x, y, kind = case.features, case.labels, case.kind
    if way == "streamed":
        sketch = streamed(x, y, kind, [1, 3, 2])
    elif way == "merged":
        left = TargetSketch.from_embeddings(x[:5], y[:5], kind=kind)
        sketch = left.merge(TargetSketch.from_embeddings(x[5:], y[5:], kind=kind))
    else:
        sketch = TargetSketch.from_embeddings(x, y, kind=kind)
    if way == "bytes":
        sketch = TargetSketch.from_bytes(sketch.to_bytes())
    rng = np.random.default_rng(1)
    direct = log_maximum_evidence(x, y, kind=kind, intercept=intercept)
    assert sketch.identity_log_maximum_evidence(intercept=intercept) == pytest.approx(
        direct, **TOLERANCE
    )
    for out in (x.shape[1], 3, 30):
        weight, bias = rng.normal(size=(out, x.shape[1])), 2.0 * rng.normal(size=out)
        direct = log_maximum_evidence(x @ weight.T + bias, y, kind=kind, intercept=intercept)
        if intercept and case.name == "only constant columns":
            direct = log_maximum_evidence(np.zeros((len(x), 1)), y, kind=kind)
        found = sketch.log_maximum_evidence(weight, bias, intercept=intercept)
        assert found == pytest.approx(direct, **TOLERANCE)


@pytest.mark.parametrize("intercept", [True, False])
@pytest.mark.parametrize("n", [30, 6])
@pytest.mark.parametrize("scale", [1e-150, 1e-6, 1e6, 1e150])
def test_extreme_scales(n: int, scale: float, intercept: bool) -> None:
    rng = np.random.default_rng(2)
    x = rng.normal(size=(n, 8))
    y = x[:, :2] + rng.normal(size=(n, 2))
    weight = rng.normal(size=(8, 8))
    expected = log_maximum_evidence(x @ weight.T, y, kind="regression", intercept=intercept)
    for features, labels in ((x * scale, y), (x, y * scale), (x * scale, y / scale)):
        sketch = TargetSketch.from_embeddings(features, labels, kind="regression")
        found = sketch.log_maximum_evidence(weight, intercept=intercept)
        assert found == pytest.approx(expected, **TOLERANCE)


@pytest.mark.parametrize("noise", [1e-2, 1e-5, 1e-8])
def test_small_residuals_survive(noise: float) -> None:
    rng = np.random.default_rng(3)
    x = rng.normal(size=(200, 6))
    y = x @ rng.normal(size=6) + noise * rng.normal(size=200)
    sketch = TargetSketch.from_embeddings(x, y, kind="regression")
    direct = log_maximum_evidence(x, y, kind="regression")
    assert sketch.identity_log_maximum_evidence() == pytest.approx(direct, **TOLERANCE)
    assert TargetSketch.from_bytes(sketch.to_bytes()).identity_log_maximum_evidence() == (
        pytest.approx(direct, **TOLERANCE)
    )


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.lists(st.integers(1, 9), max_size=6), st.booleans())
def test_any_blocks_give_the_same_score(seed: int, blocks: list[int], intercept: bool) -> None:
    rng = np.random.default_rng(seed)
    n, d = int(rng.integers(4, 25)), int(rng.integers(1, 12))
    x = rng.normal(size=(n, d)) + 3.0
    y = np.sort(np.arange(n) % 3)[::-1]  # classes that appear late, in falling order
    sketch = streamed(x, y, "classification", blocks)
    assert sketch.class_names == ["0", "1", "2"]
    assert sketch.class_counts == np.bincount(y).tolist()
    assert sketch.num_rows == n
    direct = log_maximum_evidence(x, y, kind="classification", intercept=intercept)
    found = sketch.identity_log_maximum_evidence(intercept=intercept)
    assert found == pytest.approx(direct, **TOLERANCE)


def test_properties_and_late_classes() -> None:
    rng = np.random.default_rng(4)
    sketch = TargetSketch(3, kind="classification")
    assert (sketch.num_rows, sketch.num_label_columns, sketch.class_names) == (0, 0, [])
    sketch.update(rng.normal(size=(4, 3)), ["b", "b", "d", "b"])
    sketch.update(rng.normal(size=(3, 3)), ["c", "a", "d"])
    assert sketch.class_names == ["a", "b", "c", "d"]
    assert sketch.class_counts == [1, 3, 1, 2]
    assert (sketch.kind, sketch.dimension, sketch.num_label_columns) == ("classification", 3, 4)
    assert sketch.small_classes(3) == [("a", 1), ("c", 1), ("d", 2)]
    assert (
        sketch.label_map_digest
        == TargetSketch.from_embeddings(
            rng.normal(size=(4, 3)), ["d", "c", "b", "a"], kind="classification"
        ).label_map_digest
    )
    assert "num_rows=7" in repr(sketch)
    values = TargetSketch.from_embeddings(np.eye(3), np.eye(3)[:, :2], kind="regression")
    assert (values.num_label_columns, values.class_names, values.class_counts) == (2, [], [])


def test_names_do_not_travel() -> None:
    rng = np.random.default_rng(5)
    x, y = rng.normal(size=(12, 3)), ["secret-yes", "secret-no"] * 6
    sketch = TargetSketch.from_embeddings(x, y, kind="classification")
    data = sketch.to_bytes()
    assert b"secret" not in data
    read = TargetSketch.from_bytes(data)
    assert read.class_names is None
    assert read.class_counts == [6, 6]
    assert read.label_map_digest == sketch.label_map_digest
    assert read.small_classes(10) == [("#0", 6), ("#1", 6)]
    assert read.to_bytes() == data


def test_declared_classes_let_parts_merge_after_travelling() -> None:
    rng = np.random.default_rng(6)
    x, y = rng.normal(size=(12, 3)), np.array(["a"] * 4 + ["b"] * 4 + ["c"] * 4)
    merged = TargetSketch(3, kind="classification")
    for start in (0, 4, 8):
        part = TargetSketch.from_embeddings(
            x[start : start + 4],
            y[start : start + 4],
            kind="classification",
            class_names=["c", "a", "b"],
        )
        assert part.num_label_columns == 1
        with pytest.raises(InvalidLabels, match="nothing to explain"):
            part.identity_log_maximum_evidence()
        merged = merged.merge(TargetSketch.from_bytes(part.to_bytes()))
    direct = log_maximum_evidence(x, y, kind="classification")
    assert merged.identity_log_maximum_evidence() == pytest.approx(direct, **TOLERANCE)
    with pytest.raises(InvalidLabels, match="'d' is not among"):
        TargetSketch(3, kind="classification", class_names=["a"]).update(x[:1], ["d"])


def test_declared_class_that_never_occurs_does_not_count() -> None:
    rng = np.random.default_rng(6)
    x, y = rng.normal(size=(12, 3)), ["a", "b"] * 6
    sketch = TargetSketch.from_embeddings(x, y, kind="classification", class_names=["a", "aa", "b"])
    for intercept in (True, False):
        direct = log_maximum_evidence(x, y, kind="classification", intercept=intercept)
        found = sketch.identity_log_maximum_evidence(intercept=intercept)
        assert found == pytest.approx(direct, **TOLERANCE)


def test_inputs_are_not_written() -> None:
    rng = np.random.default_rng(8)
    arrays = [rng.normal(size=(20, 3)), np.arange(20) % 2, np.eye(3), np.ones(3)]
    copies = [array.copy() for array in arrays]
    for array in arrays:
        array.flags.writeable = False
    x, y, weight, bias = arrays
    sketch = TargetSketch.from_embeddings(x, y, kind="classification")
    sketch.update(x, y)
    sketch.merge(sketch).log_maximum_evidence(weight, bias, intercept=False)
    for array, copy in zip(arrays, copies, strict=True):
        assert np.array_equal(array, copy)


def test_merge_leaves_both_as_they_were() -> None:
    x = np.random.default_rng(9).normal(size=(20, 3))
    left = TargetSketch.from_embeddings(x, np.arange(20) % 2, kind="classification")
    right = TargetSketch.from_embeddings(x, np.arange(20) % 3, kind="classification")
    before = left.to_bytes(), right.to_bytes()
    assert left.merge(right).class_counts == [17, 17, 6]
    assert (left.to_bytes(), right.to_bytes()) == before


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_small_floats_are_computed_in_float64(dtype: Any) -> None:
    x = np.random.default_rng(10).normal(size=(20, 4)).astype(dtype)
    y = np.arange(20) % 2
    sketch = TargetSketch.from_embeddings(x, y, kind="classification")
    direct = log_maximum_evidence(x.astype(np.float64), y, kind="classification")
    assert sketch.log_maximum_evidence(np.eye(4, dtype=dtype)) == pytest.approx(direct, **TOLERANCE)


def test_constant_labels_and_one_class_without_intercept() -> None:
    x = np.random.default_rng(14).normal(size=(20, 3)) + 1.0
    for labels, kind in ((np.full(20, 0.3), "regression"), (["a"] * 20, "classification")):
        direct = log_maximum_evidence(x, labels, kind=kind, intercept=False)
        sketch = streamed(x, labels, kind, [7, 6])
        found = sketch.identity_log_maximum_evidence(intercept=False)
        assert found == pytest.approx(direct, **TOLERANCE)


def test_map_that_removes_the_leading_directions() -> None:
    rng = np.random.default_rng(15)
    x = rng.normal(size=(60, 8)) * 10.0 ** -np.arange(8)
    y = x[:, 5] * 1e5 + 0.1 * rng.normal(size=60)
    weight = np.diag(np.r_[np.zeros(4), np.ones(4)])
    sketch = TargetSketch.from_embeddings(x, y, kind="regression")
    direct = log_maximum_evidence(x @ weight.T, y, kind="regression")
    assert sketch.log_maximum_evidence(weight) == pytest.approx(direct, **TOLERANCE)
