"""Targets row by row: read as if an enemy had written them, worked on a block at a time."""

import tracemalloc

import numpy as np
import pytest

from esm_client.core.errors import EsmError, InvalidEmbeddings, InvalidInput, InvalidLabels
from esm_client.core.limits import MAX_LABEL_COLUMNS
from esm_client.core.scoring import embedded
from esm_client.core.scoring.embedded import EmbeddedTarget
from esm_client.core.scoring.sketch import TargetSketch
from esm_client.core.tensors import dump_tensors

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")
X = np.random.default_rng(0).standard_normal((90, 8))
LABELS = {
    "classification": np.array(["no", "yes", "maybe"])[np.arange(90) % 3],
    "regression": X[:, :2] + np.random.default_rng(1).standard_normal((90, 2)),
}


def identity_score(sketch: TargetSketch) -> float:
    return sketch.identity_log_maximum_evidence()


@pytest.mark.parametrize("kind", LABELS)
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("block", [1, 300, 2**21])
def test_its_sketch_is_that_of_all_rows(monkeypatch, kind, dtype, block):
    monkeypatch.setattr(embedded, "BLOCK_NUMBERS", block)
    rows = X.astype(dtype)
    target = EmbeddedTarget.from_bytes(EmbeddedTarget.of(rows, LABELS[kind], kind=kind).to_bytes())
    whole = TargetSketch.from_embeddings(rows, LABELS[kind], kind=kind)
    assert target.embeddings.dtype == dtype
    assert target.num_label_columns == whole.num_label_columns
    assert identity_score(target.sketch()) == pytest.approx(identity_score(whole), abs=1e-12)
    target.check(whole)
    doubled = TargetSketch.from_embeddings(2 * rows.astype(float) ** 3, LABELS[kind], kind=kind)
    found = target.sketch(lambda part: 2 * part**3)
    assert identity_score(found) == pytest.approx(identity_score(doubled), abs=1e-10)
    with pytest.raises(InvalidEmbeddings, match="other numbers"):
        target.check(TargetSketch.from_embeddings(X[::-1], LABELS[kind], kind=kind))


def test_what_is_no_array_of_floats_is_one_in_float64():
    for given in (X.tolist(), (X * 100).astype(int), np.ones((90, 8), dtype=np.uint8)):
        target = EmbeddedTarget.of(given, LABELS["classification"], kind="classification")
        assert target.embeddings.dtype == np.float64


@pytest.mark.parametrize(
    ("rows", "labels", "error"),
    [
        (X[:, 0], LABELS["classification"], InvalidEmbeddings),
        (X[:0], LABELS["classification"][:0], InvalidEmbeddings),
        (X[:, :0], LABELS["classification"], InvalidEmbeddings),
        ([[1.0], [1.0, 2.0]], [0, 1], InvalidEmbeddings),
        (np.where(X > 2, np.nan, X), LABELS["classification"], InvalidEmbeddings),
        (X, LABELS["classification"][:80], InvalidLabels),
        (X, LABELS["classification"][:, np.newaxis], InvalidLabels),
    ],
)
def test_what_cannot_be_a_target(rows, labels, error):
    with pytest.raises(error):
        EmbeddedTarget.of(rows, labels, kind="classification")


def test_an_unknown_kind():
    with pytest.raises(InvalidInput):
        EmbeddedTarget.of(X, LABELS["classification"], kind="ranking")  # type: ignore[arg-type]


NUMBERS = np.arange(90.0) % 3
WRONG = {
    "a fraction": NUMBERS + 0.5,
    "a gap": np.where(NUMBERS == 1, 2.0, NUMBERS),
    "from one": NUMBERS + 1,
    "below zero": NUMBERS - 1,
    "not a number": np.where(NUMBERS == 1, np.nan, NUMBERS),
    "infinite": np.where(NUMBERS == 1, np.inf, NUMBERS),
    "too many classes": np.where(NUMBERS == 1, float(MAX_LABEL_COLUMNS), NUMBERS),
    "huge": np.where(NUMBERS == 1, 1e300, NUMBERS),
    "two columns": np.stack([NUMBERS, NUMBERS], axis=1),
    "one number": np.array(1.0),
    "none": np.zeros(0),
    "fewer": NUMBERS[:60],
}


@pytest.mark.parametrize("name", WRONG)
def test_labels_that_are_no_numbers_of_classes(name):
    data = dump_tensors({"embeddings": X, "labels": WRONG[name]}, {"kind": "classification"})
    with pytest.raises(InvalidEmbeddings):
        EmbeddedTarget.from_bytes(data)


@pytest.mark.parametrize("kind", [None, "", "ranking"])
def test_bytes_of_an_unknown_kind(kind):
    metadata = {} if kind is None else {"kind": kind}
    with pytest.raises(InvalidEmbeddings):
        EmbeddedTarget.from_bytes(dump_tensors({"embeddings": X, "labels": NUMBERS}, metadata))


def peak_of(deed) -> float:
    """The most MiB that a deed takes, refused or not."""
    tracemalloc.start()
    try:
        deed()
    except EsmError:
        pass
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    return peak / 2**20


def test_many_classes_are_not_written_out_as_columns_of_all_rows():
    """Were: 100 MiB several times for 60 000 rows of 200 classes, and terabytes for more."""
    rows, classes = 60_000, 200
    numbers = np.arange(rows) % classes
    narrow = np.random.default_rng(2).standard_normal((rows, 1)).astype(np.float16)
    data = dump_tensors(
        {"embeddings": narrow, "labels": numbers.astype(np.float64)}, {"kind": "classification"}
    )
    names = [str(number) for number in range(classes)]
    sketch = TargetSketch(1, kind="classification", class_names=names)
    for start in range(0, rows, 2000):
        part = slice(start, start + 2000)
        sketch.update(narrow[part].astype(np.float64), numbers[part])
    assert peak_of(lambda: EmbeddedTarget.from_bytes(data)) < 20
    assert peak_of(lambda: EmbeddedTarget.from_bytes(data).check(sketch)) < 150
    EmbeddedTarget.from_bytes(data).check(sketch)


def test_rows_of_another_shape_are_told_before_any_work():
    """Two million rows of a thousand classes would be 16 GB of columns."""
    rows = 2_000_000
    narrow = np.zeros((rows, 1), np.float16)
    numbers = np.arange(rows, dtype=np.float64) % MAX_LABEL_COLUMNS
    data = dump_tensors({"embeddings": narrow, "labels": numbers}, {"kind": "classification"})
    del narrow, numbers
    sketch = TargetSketch.from_embeddings(X, LABELS["classification"], kind="classification")
    assert peak_of(lambda: EmbeddedTarget.from_bytes(data).check(sketch)) < 200
    with pytest.raises(InvalidEmbeddings, match="2000000 rows"):
        EmbeddedTarget.from_bytes(data).check(sketch)


WIDE = np.full((1, 2**21), np.nan, dtype=np.float16)
"""Four megabytes, of which millions of labels of one row were made, and shown."""


@pytest.mark.parametrize("kind", LABELS)
@pytest.mark.parametrize(
    ("embeddings", "labels", "reason"),
    [
        (np.ones((1, 1), np.float16), WIDE, "of shape"),
        (WIDE, np.ones(1), "of shape"),
        (np.ones((1, 1)), WIDE[:, :4, np.newaxis], "of shape"),
        (np.ones(1), np.ones(1), "of shape"),
        (np.ones((1, 1)), np.ones((1, 0)), "of shape"),
        (np.ones((1, 1)), WIDE[0], "do not fit 1"),
    ],
)
def test_shapes_of_no_target_are_refused_before_anything_is_made_of_them(
    kind, embeddings, labels, reason
):
    data = dump_tensors({"embeddings": embeddings, "labels": labels}, {"kind": kind})
    with pytest.raises(InvalidEmbeddings, match=reason) as caught:
        EmbeddedTarget.from_bytes(data)
    assert len(str(caught.value)) < 500
    assert peak_of(lambda: EmbeddedTarget.from_bytes(data)) < 10


@pytest.mark.parametrize("wrong", [np.nan, np.inf])
def test_regression_labels_that_are_no_numbers(wrong):
    labels = np.ones((90, 2))
    labels[3, 1] = wrong
    data = dump_tensors({"embeddings": X, "labels": labels}, {"kind": "regression"})
    with pytest.raises(InvalidEmbeddings, match="NaN or infinity"):
        EmbeddedTarget.from_bytes(data)


@pytest.mark.parametrize("kind", LABELS)
def test_labels_stay_in_the_precision_they_came_in(kind):
    """In float64 they would take four times what was sent."""
    rows, columns = (2000, 1000) if kind == "regression" else (2**21, 1)
    labels = (np.arange(rows * columns) % 3).reshape(rows, columns).astype(np.float16)
    labels = labels if kind == "regression" else labels[:, 0]
    embeddings = np.ones((rows, 1), np.float16)
    data = dump_tensors({"embeddings": embeddings, "labels": labels}, {"kind": kind})
    assert EmbeddedTarget.from_bytes(data).labels.dtype == np.float16
    if kind == "regression":
        assert peak_of(lambda: EmbeddedTarget.from_bytes(data)) < 12


@pytest.mark.parametrize("kind", LABELS)
def test_labels_in_half_precision_make_the_same_sketch(kind):
    labels = NUMBERS if kind == "classification" else np.round(LABELS[kind])
    data = dump_tensors({"embeddings": X, "labels": labels.astype(np.float16)}, {"kind": kind})
    names = ["0", "1", "2"] if kind == "classification" else None
    whole = TargetSketch.from_embeddings(X, labels, kind=kind, class_names=names)
    EmbeddedTarget.from_bytes(data).check(whole)
