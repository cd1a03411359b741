"""The maximum evidence against the brute-force density, its invariances and errors."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from esm_client.core.errors import InvalidEmbeddings, InvalidInput, InvalidLabels
from esm_client.core.scoring.evidence import log_maximum_evidence
from esm_client.core.scoring.sketch import TargetSketch

SEEDS = st.integers(0, 10_000)


def target(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, Any]:
    """Random features, class labels, regression labels and the generator."""
    rng = np.random.default_rng(seed)
    n, d = int(rng.integers(4, 30)), int(rng.integers(1, 30))
    x = rng.normal(size=(n, d)) * 10.0 ** rng.uniform(-1, 1, size=d)
    classes = rng.permutation(np.arange(n) % int(rng.integers(2, 4)))
    return x, classes, x[:, :1] + rng.normal(size=(n, 2)), rng


@pytest.mark.parametrize("intercept", [True, False])
def test_equals_brute_force(case: Any, intercept: bool, brute_force: Any) -> None:
    found = log_maximum_evidence(case.features, case.labels, kind=case.kind, intercept=intercept)
    expected = brute_force(
        case.features, case.labels, kind=case.kind, intercept=intercept, digits=case.digits
    )
    assert found == pytest.approx(expected, rel=0, abs=1e-8)


def test_two_scale_cases_have_several_maxima(case: Any, count_maxima: Any) -> None:
    if case.name.startswith("two maxima"):
        assert count_maxima(case.features, case.labels) >= 2


@pytest.mark.parametrize("labels", [np.zeros(9, dtype=int), np.ones(9, dtype=int)])
def test_one_class_without_intercept(labels: np.ndarray, brute_force: Any) -> None:
    x = np.random.default_rng(1).normal(size=(9, 4)) + 1.0
    found = log_maximum_evidence(x, labels, kind="classification", intercept=False)
    expected = brute_force(x, labels, kind="classification", intercept=False, digits=True)
    assert found == pytest.approx(expected, rel=0, abs=1e-8)


def test_constant_regression_without_intercept(brute_force: Any) -> None:
    x = np.random.default_rng(1).normal(size=(9, 4)) + 1.0
    y = np.full(9, 2.5)
    found = log_maximum_evidence(x, y, kind="regression", intercept=False)
    expected = brute_force(x, y, kind="regression", intercept=False, digits=True)
    assert found == pytest.approx(expected, rel=0, abs=1e-8)


@settings(max_examples=25, deadline=None)
@given(SEEDS, st.sampled_from([1e-150, 1e-6, 1e-3, 0.3, 7.0, 1e6, 1e150]), st.booleans())
def test_scale_of_features_does_not_matter(seed: int, scale: float, intercept: bool) -> None:
    x, classes, values, _ = target(seed)
    for labels, kind in ((classes, "classification"), (values, "regression")):
        score = evidence(kind, intercept)
        assert score(x * scale, labels) == pytest.approx(score(x, labels), rel=0, abs=1e-9)


@settings(max_examples=25, deadline=None)
@given(SEEDS, st.booleans())
def test_rotation_and_permutation_do_not_matter(seed: int, intercept: bool) -> None:
    x, classes, values, rng = target(seed)
    rotation = np.linalg.qr(rng.normal(size=(x.shape[1],) * 2))[0]
    order = rng.permutation(len(x))
    for labels, kind in ((classes, "classification"), (values, "regression")):
        score = evidence(kind, intercept)
        assert score(x @ rotation, labels) == pytest.approx(score(x, labels), rel=0, abs=1e-9)
        assert score(x[order], labels[order]) == pytest.approx(score(x, labels), rel=0, abs=1e-9)


@settings(max_examples=25, deadline=None)
@given(SEEDS, st.floats(-100.0, 100.0), st.floats(0.01, 100.0))
def test_shifts_do_not_matter_with_intercept(seed: int, shift: float, unit: float) -> None:
    x, classes, values, rng = target(seed)
    offset = shift * rng.normal(size=x.shape[1])
    score = evidence("regression", True)
    assert score(x + offset, unit * values + shift) == pytest.approx(
        score(x, values), rel=0, abs=1e-9
    )
    score = evidence("classification", True)
    assert score(x + offset, classes) == pytest.approx(score(x, classes), rel=0, abs=1e-9)


def evidence(kind: Any, intercept: bool) -> Callable[[Any, Any], float]:
    return lambda x, y: log_maximum_evidence(x, y, kind=kind, intercept=intercept)


def test_names_and_numbers_of_classes_do_not_matter() -> None:
    x = np.random.default_rng(3).normal(size=(12, 4))
    ids = np.arange(12) % 2
    score = evidence("classification", True)
    expected = score(x, ids)
    for labels in (ids * 2, ids - 7, ids == 1, ids.astype(float), [f"c{i}" for i in ids]):
        assert score(x, labels) == pytest.approx(expected, rel=0, abs=1e-12)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_float_types_are_computed_in_float64(dtype: Any) -> None:
    x = np.random.default_rng(4).normal(size=(15, 6)).astype(dtype)
    y = np.arange(15) % 3
    score = evidence("classification", True)
    assert score(x, y) == score(x.astype(np.float64), y)


def test_inputs_are_not_written() -> None:
    x = np.random.default_rng(5).normal(size=(15, 6))
    values = x[:, :2] * 3.0 + 1.0
    classes = np.arange(15) % 3
    arrays = [x, values, classes]
    copies = [array.copy() for array in arrays]
    for array in arrays:
        array.flags.writeable = False
    for intercept in (True, False):
        evidence("regression", intercept)(x, values)
        evidence("classification", intercept)(x, classes)
    log_maximum_evidence(x, classes, kind="classification", variant="published")
    for array, copy in zip(arrays, copies, strict=True):
        assert np.array_equal(array, copy)


def test_float32_beyond_float64_reach_is_still_finite() -> None:
    x = np.random.default_rng(6).normal(size=(15, 6)) * 1e307
    assert np.isfinite(evidence("classification", True)(x, np.arange(15) % 3))
    assert np.isfinite(evidence("regression", True)(x, x[:, 0]))


@pytest.mark.parametrize(
    "features",
    [
        [[np.nan, 1.0], [0.0, 1.0]],
        [[np.inf, 1.0], [0.0, 1.0]],
        [1.0, 2.0],
        np.zeros((0, 3)),
        np.zeros((2, 0)),
        [["a", "b"], ["c", "d"]],
        [[1.0], [1.0, 2.0]],
        [[1j], [2.0]],
    ],
)
@pytest.mark.parametrize("variant", ["exact", "published"])
def test_invalid_embeddings(features: Any, variant: Any) -> None:
    with pytest.raises(InvalidEmbeddings) as caught:
        log_maximum_evidence(features, [0, 1], kind="classification", variant=variant)
    assert caught.value.hint


@pytest.mark.parametrize("kind", ["classification", "regression"])
@pytest.mark.parametrize("variant", ["exact", "published"])
def test_row_counts_must_agree(kind: Any, variant: Any) -> None:
    with pytest.raises(InvalidLabels, match="3 labels do not fit 2"):
        log_maximum_evidence([[1.0], [2.0]], [0, 1, 2], kind=kind, variant=variant)


def test_nothing_to_explain() -> None:
    x = [[1.0], [2.0], [4.0]]
    with pytest.raises(InvalidLabels, match="nothing to explain"):
        log_maximum_evidence(x, ["a", "a", "a"], kind="classification")
    for constant in (0.1, 1e9, 0.0):
        y = np.column_stack([[1.0, 2.0, 3.0], np.full(3, constant)])
        with pytest.raises(InvalidLabels, match="column 1 is constant"):
            log_maximum_evidence(x, y, kind="regression")
    with pytest.raises(InvalidLabels, match="nothing to explain"):
        log_maximum_evidence(x, [0.0, 0.0, 0.0], kind="regression", intercept=False)
    with pytest.raises(InvalidLabels, match="nothing to explain"):
        log_maximum_evidence([[1.0]], [3.0], kind="regression")


@pytest.mark.parametrize("blocks", [40, 7])
def test_rounding_is_not_signal(blocks: int) -> None:
    rng = np.random.default_rng(8)
    almost_constant = np.nextafter(0.1, rng.integers(0, 2, size=(40, 3)))
    almost_constant[21:, 0] = np.nextafter(0.1, 1.0)  # in step with classes and blocks
    almost_constant[:21, 0] = 0.1
    classes = (np.arange(40) >= 21).astype(int)
    nothing = log_maximum_evidence(np.zeros((40, 3)), classes, kind="classification")
    assert log_maximum_evidence(almost_constant, classes, kind="classification") == nothing
    with pytest.raises(InvalidLabels, match="constant"):
        log_maximum_evidence(rng.normal(size=(40, 3)), almost_constant, kind="regression")
    sketch, labels = TargetSketch(3, kind="classification"), TargetSketch(3, kind="regression")
    for start in range(0, 40, blocks):
        rows = slice(start, start + blocks)
        sketch.update(almost_constant[rows], classes[rows])
        labels.update(rng.normal(size=(len(classes[rows]), 3)), almost_constant[rows])
    found = sketch.log_maximum_evidence(rng.normal(size=(3, 3)))
    assert found == pytest.approx(nothing, rel=0, abs=1e-12)
    with pytest.raises(InvalidLabels, match="constant"):
        labels.identity_log_maximum_evidence()


def test_unknown_kind_and_variant() -> None:
    with pytest.raises(InvalidInput, match="ranking"):
        log_maximum_evidence([[1.0]], [0], kind="ranking")  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match="fast"):
        log_maximum_evidence(
            [[1.0]],
            [0],
            kind="regression",
            variant="fast",  # type: ignore[arg-type]
        )
