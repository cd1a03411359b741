"""Parity with PyPI's hf-dataset-selector, and the errors of the published variant."""

import math
from typing import Any

import numpy as np
import pytest

from esm_client.core.errors import InvalidEmbeddings, InvalidLabels
from esm_client.core.scoring.evidence import log_maximum_evidence

CASES = [(60, 8, 2), (200, 30, 5), (41, 40, 3), (20, 20, 2), (20, 50, 3)]


def data(n: int, d: int, c: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(n + d)
    y = rng.permutation(np.arange(n) % c)
    x = rng.normal(size=(n, d)) + y[:, None] * rng.normal(size=d)
    return x, y, x[:, :c] + 0.3 * rng.normal(size=(n, c))


@pytest.mark.parametrize(("n", "d", "c"), CASES)
@pytest.mark.parametrize("scale", [1e-2, 1.0, 1e2])
def test_parity_with_hf_dataset_selector(n: int, d: int, c: int, scale: float) -> None:
    peer = pytest.importorskip("hfselect.logme")
    x, classes, values = data(n, d, c)
    cases: list[tuple[Any, Any]] = [
        (classes, "classification"),
        (classes * 2, "classification"),  # absent class ids
        (values, "regression"),
        (values[:, 0], "regression"),
    ]
    for labels, kind in cases:
        expected = peer.LogME(regression=kind == "regression").fit(x * scale, labels)
        found = log_maximum_evidence(x * scale, labels, kind=kind, variant="published")
        assert found == pytest.approx(float(expected), rel=1e-10, abs=1e-10)


@pytest.mark.parametrize(
    ("n", "d", "classification", "regression"),
    [
        (30, 5, -0.8586872687090029, -1.2324814175596213),
        (12, 20, 0.9543494209566092, 0.10743443595554807),
    ],
)
def test_values_recorded_from_hf_dataset_selector_0_2_1(
    n: int, d: int, classification: float, regression: float
) -> None:
    x = np.sin(np.arange(1.0, n * d + 1.0) ** 1.5).reshape(n, d)
    classes = (np.arange(n) * 7) % 3
    values = x[:, :2] + np.cos(np.arange(2.0 * n) ** 1.3).reshape(n, 2)
    found = log_maximum_evidence(x, classes, kind="classification", variant="published")
    assert found == pytest.approx(classification, rel=1e-9)
    found = log_maximum_evidence(x, values, kind="regression", variant="published")
    assert found == pytest.approx(regression, rel=1e-9)


def test_absent_class_id_makes_a_column_as_published() -> None:
    x, classes, _ = data(60, 8, 2)

    def score(y: np.ndarray) -> float:
        return log_maximum_evidence(x, y, kind="classification", variant="published")

    assert score(classes * 2) > score(classes) + 0.5
    assert score(classes == 1) == score(classes)
    words = np.array(["no", "yes"])[classes]
    assert score(words) == score(classes)


def test_intercept_is_ignored() -> None:
    x, classes, _ = data(60, 8, 2)
    with_one = log_maximum_evidence(
        x, classes, kind="classification", variant="published", intercept=True
    )
    assert with_one == log_maximum_evidence(
        x, classes, kind="classification", variant="published", intercept=False
    )


def test_close_to_the_exact_score_without_intercept_for_many_rows() -> None:
    x, classes, _ = data(200, 30, 5)
    published = log_maximum_evidence(x, classes, kind="classification", variant="published")
    exact = log_maximum_evidence(x, classes, kind="classification", intercept=False)
    assert math.isclose(published, exact, abs_tol=1e-3)


@pytest.mark.parametrize("labels", [[-1, 0], [0, 10**9]])
def test_class_ids_out_of_range(labels: list[int]) -> None:
    with pytest.raises(InvalidLabels, match="Class id"):
        log_maximum_evidence([[1.0], [2.0]], labels, kind="classification", variant="published")


def test_no_finite_score() -> None:
    with pytest.raises(InvalidEmbeddings, match="published fixed point"):
        log_maximum_evidence(
            np.zeros((4, 2)), [0, 1, 0, 1], kind="classification", variant="published"
        )
