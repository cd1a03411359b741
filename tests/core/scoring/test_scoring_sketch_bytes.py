"""Hostile bytes: a sketch, or InvalidSketch, and nothing else."""

import contextlib
import json
import struct
import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from esm_client.core.errors import InvalidLabels, InvalidSketch
from esm_client.core.scoring.disclosure import DisclosureWarning
from esm_client.core.scoring.sketch import TargetSketch


def valid(kind: Any = "classification", n: int = 12) -> bytes:
    x = np.random.default_rng(0).normal(size=(n, 3))
    labels = np.arange(n) % 2 if kind == "classification" else x[:, :2]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DisclosureWarning)
        return TargetSketch.from_embeddings(x, labels, kind=kind).to_bytes()


def taken_apart(data: bytes) -> tuple[dict[str, Any], np.ndarray]:
    length = struct.unpack("<Q", data[:8])[0]
    return json.loads(data[8 : 8 + length]), np.frombuffer(data[8 + length :]).copy()


def put_together(header: dict[str, Any], r: np.ndarray) -> bytes:
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + r.tobytes()


def changed(task: Any = "classification", /, **metadata: str) -> bytes:
    header, r = taken_apart(valid(task))
    header["__metadata__"].update(metadata)
    return put_together(header, r)


def refused(data: bytes) -> str:
    with pytest.raises(InvalidSketch) as caught:
        TargetSketch.from_bytes(data)
    assert caught.value.hint
    return caught.value.message


def test_taking_apart_and_putting_together_is_valid() -> None:
    for kind in ("classification", "regression"):
        assert TargetSketch.from_bytes(changed(kind)).num_rows == 12


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\0" * 7,
        b"\0" * 8,
        b"\xff" * 100,
        struct.pack("<Q", 2**63) + b"{}",
        struct.pack("<Q", 2) + b"{}",
        struct.pack("<Q", 2) + b"[]",
        struct.pack("<Q", 60000) + b"[" * 60000,
        valid()[:-1],
        valid()[:-8],
        valid() + b"\0" * 8,
    ],
)
def test_garbage(data: bytes) -> None:
    refused(data)


@pytest.mark.parametrize(
    ("metadata", "said"),
    [
        ({"format": "other"}, "header"),
        ({"extra": "1"}, "header"),
        ({"version": "3"}, "version"),
        ({"version": "2"}, "header"),
        ({"kind": "ranking"}, "ranking"),
        ({"num_rows": "13"}, "add up"),
        ({"num_rows": "0"}, "num_rows"),
        ({"num_rows": "-12"}, "num_rows"),
        ({"num_rows": "9" * 5000}, "num_rows"),
        ({"num_rows": "1२"}, "num_rows"),
        ({"num_rows": "12.0"}, "num_rows"),
        ({"dimension": "4"}, "shape"),
        ({"dimension": "8193"}, "dimension"),
        ({"label_columns": "1001"}, "label_columns"),
        ({"label_columns": "3"}, "class counts"),
        ({"class_counts": "[13,-1]"}, "class counts"),
        ({"class_counts": "[7,5]"}, "contradict"),
        ({"class_counts": "[6.0,6]"}, "class counts"),
        ({"class_counts": "[true,11]"}, "class counts"),
        ({"class_counts": "[NaN,6]"}, "class counts"),
        ({"class_counts": "{}"}, "not a list"),
        ({"class_counts": "6,6"}, "not JSON"),
        ({"class_counts": "[" * 20000}, "not JSON"),
        ({"class_counts": "[" + "9" * 5000 + ",0]"}, "class counts"),
        ({"label_map_digest": "sha256:0"}, "digest"),
        ({"label_map_digest": "0" * 64 + "\n"}, "digest"),
    ],
)
def test_bad_metadata(metadata: dict[str, str], said: str) -> None:
    assert said in refused(changed(**metadata))


def test_regression_has_no_class_counts() -> None:
    assert "class counts" in refused(changed("regression", class_counts="[6,6]"))
    assert "belong" in refused(changed("regression", num_rows="13"))


def test_missing_metadata() -> None:
    header, r = taken_apart(valid())
    for key in list(header["__metadata__"]):
        metadata = {k: v for k, v in header["__metadata__"].items() if k != key}
        refused(put_together({**header, "__metadata__": metadata}, r))
    refused(put_together({"r": header["r"]}, r))
    refused(put_together({**header, "__metadata__": {"format": 1}}, r))
    refused(put_together({"__metadata__": header["__metadata__"], "q": header["r"]}, r))


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 1e201])
@pytest.mark.parametrize("where", [0, 3, -1])
def test_not_finite(bad: float, where: int) -> None:
    header, r = taken_apart(valid("regression"))
    r[where] = bad
    assert "NaN" in refused(put_together(header, r))


def test_wrong_type_and_shape() -> None:
    header, r = taken_apart(valid())
    single = {**header["r"], "dtype": "F32", "shape": [2 * len(r)]}
    refused(put_together({**header, "r": single}, r))
    whole = {**header["r"], "dtype": "I64"}
    refused(put_together({**header, "r": whole}, r))
    square = {**header["r"], "shape": [1, len(r)]}
    assert "shape" in refused(put_together({**header, "r": square}, r))
    for shape in ([-1], [2**62], [len(r) + 1], "x", None):
        refused(put_together({**header, "r": {**header["r"], "shape": shape}}, r))


def test_first_row_and_classes_must_fit() -> None:
    header, r = taken_apart(valid())
    for index in (0, 4, 5, -1):  # sqrt(N), the sums of both classes, their last entry
        wrong = r.copy()
        wrong[index] += 0.01
        refused(put_together(header, wrong))
    negative = r.copy()
    negative[0] *= -1.0
    assert "rows" in refused(put_together(header, negative))


@settings(max_examples=400, deadline=None)
@given(
    st.sampled_from([valid(), valid("regression"), valid(n=4), valid("regression", n=2)]),
    st.lists(st.tuples(st.integers(0, 2000), st.integers(0, 255)), min_size=1, max_size=4),
    st.integers(-16, 16),
)
def test_mutated_bytes(data: bytes, changes: list[tuple[int, int]], cut: int) -> None:
    mutated = bytearray(data)
    for position, value in changes:
        mutated[position % len(mutated)] = value
    mutated = mutated[:cut] if cut < 0 else mutated + b"\0" * (cut // 8)
    try:
        sketch = TargetSketch.from_bytes(bytes(mutated))
    except InvalidSketch:
        return
    for intercept in (True, False):
        with contextlib.suppress(InvalidLabels):
            assert np.isfinite(sketch.identity_log_maximum_evidence(intercept=intercept))


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200))
def test_random_bytes(data: bytes) -> None:
    refused(data)


@settings(max_examples=100, deadline=None)
@given(st.dictionaries(st.text(max_size=8), st.text(max_size=8) | st.integers(), max_size=4))
def test_random_headers(header: dict[str, Any]) -> None:
    refused(put_together(header, np.zeros(3)))
    refused(put_together({"__metadata__": header}, np.zeros(3)))
