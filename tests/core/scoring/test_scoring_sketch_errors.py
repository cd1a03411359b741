"""What the target sketch refuses, and what it warns of."""

import warnings

import numpy as np
import pytest

from esm_client.core.errors import (
    DimensionMismatch,
    InvalidEmbeddings,
    InvalidInput,
    InvalidLabels,
    InvalidSketch,
)
from esm_client.core.scoring.sketch import FewRowsWarning, SmallClassWarning, TargetSketch


def test_warnings_say_what_is_revealed() -> None:
    rng = np.random.default_rng(7)
    x = rng.normal(size=(20, 3))
    rare = ["a"] * 18 + ["b"] * 2
    with pytest.warns(SmallClassWarning, match=r"'b' \(2\).*Merge.*drop") as caught:
        sketch = TargetSketch.from_embeddings(x, rare, kind="classification")
    assert caught[0].filename == __file__
    with pytest.warns(SmallClassWarning):
        sketch.to_bytes()
    with pytest.warns(FewRowsWarning, match="only rotated"):
        TargetSketch.from_embeddings(x[:5], x[:5, 0], kind="regression")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        TargetSketch.from_embeddings(x, x[:, 0], kind="regression").to_bytes()
        TargetSketch.from_embeddings(x, ["a", "b"] * 10, kind="classification").to_bytes()


def test_update_errors_leave_the_sketch_unchanged() -> None:
    x, y = np.random.default_rng(11).normal(size=(20, 3)), np.arange(20) % 2
    sketch = TargetSketch.from_embeddings(x, y, kind="classification")
    before = sketch.to_bytes()
    with pytest.raises(DimensionMismatch, match="width 2"):
        sketch.update(x[:, :2], y)
    with pytest.raises(InvalidLabels, match="19 labels do not fit 20"):
        sketch.update(x, y[1:])
    with pytest.raises(InvalidLabels, match="missing"):
        sketch.update(x[:2], [0, None])
    with pytest.raises(InvalidEmbeddings, match="NaN"):
        sketch.update(np.full((2, 3), np.nan), [0, 1])
    with pytest.raises(InvalidEmbeddings, match="magnitudes"):
        sketch.update(np.full((2, 3), 1e200), [0, 1])
    with pytest.raises(InvalidLabels, match="1001 label columns"):
        sketch.update(np.ones((1001, 3)), np.arange(1001))
    with pytest.raises(InvalidLabels, match="1002 label columns"):
        sketch.update(np.ones((1000, 3)), np.arange(2, 1002))
    assert sketch.to_bytes() == before
    values = TargetSketch.from_embeddings(x, x[:, 0], kind="regression")
    with pytest.raises(InvalidLabels, match="2 regression columns do not fit 1"):
        values.update(x, x[:, :2])
    with pytest.raises(InvalidLabels, match="magnitudes"):
        values.update(x, x[:, 0] * 1e200)


def test_constructor_and_merge_errors() -> None:
    x, y = np.random.default_rng(12).normal(size=(20, 3)), np.arange(20) % 2
    sketch = TargetSketch.from_embeddings(x, y, kind="classification")
    for dimension in (0, -1, 8193):
        with pytest.raises(InvalidInput, match="not possible"):
            TargetSketch(dimension, kind="regression")
    with pytest.raises(InvalidInput, match="kind"):
        TargetSketch(3, kind="ranking")  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match="regression sketch does not fit"):
        sketch.merge(TargetSketch.from_embeddings(x, x[:, 0], kind="regression"))
    with pytest.raises(DimensionMismatch):
        sketch.merge(TargetSketch.from_embeddings(x[:, :2], y, kind="classification"))
    read = TargetSketch.from_bytes(sketch.to_bytes())
    with pytest.raises(InvalidSketch, match="label maps"):
        read.merge(TargetSketch.from_embeddings(x, y + 1, kind="classification"))
    with pytest.raises(InvalidSketch, match="label maps"):
        read.update(x, y + 1)
    assert read.merge(sketch).class_counts == [20, 20]
    assert sketch.merge(read).class_names == ["0", "1"]


def test_score_errors() -> None:
    x, y = np.random.default_rng(13).normal(size=(20, 3)), np.arange(20) % 2
    sketch = TargetSketch.from_embeddings(x, y, kind="classification")
    for weight, bias in ((np.eye(2), None), (np.eye(3), np.ones(2)), (np.ones(3), None)):
        with pytest.raises(DimensionMismatch):
            sketch.log_maximum_evidence(weight, bias)
    with pytest.raises(DimensionMismatch):
        sketch.log_maximum_evidence([[1.0, 2.0, 3.0], [1.0]])  # type: ignore[list-item]
    with pytest.raises(InvalidInput, match="NaN"):
        sketch.log_maximum_evidence(np.full((3, 3), np.nan))
    big = TargetSketch.from_embeddings(x * 1e150, y, kind="classification")
    with pytest.raises(InvalidEmbeddings, match="overflow"):
        big.log_maximum_evidence(np.eye(3) * 1e200)
    for empty in (TargetSketch(3, kind="regression"), TargetSketch(3, kind="classification")):
        with pytest.raises(InvalidSketch, match="empty"):
            empty.identity_log_maximum_evidence()
        with pytest.raises(InvalidSketch, match="empty"):
            empty.to_bytes()
    for constant in (np.full(20, 0.1), np.zeros(20)):
        flat = TargetSketch(3, kind="regression")
        flat.update(x[:7], constant[:7])
        flat.update(x[7:], constant[7:])
        with pytest.raises(InvalidLabels, match="constant"):
            flat.identity_log_maximum_evidence()
    with pytest.raises(InvalidLabels, match="constant"):
        flat.identity_log_maximum_evidence(intercept=False)
