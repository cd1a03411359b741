"""The log Bayes factor of two scores."""

from typing import Any

import numpy as np
import pytest

from esm_client.core.errors import InvalidInput
from esm_client.core.scoring.margin import TIE_NATS, log_bayes_factor


@pytest.mark.parametrize(
    ("kind", "intercept", "expected"),
    [
        ("classification", True, 0.5 * 99 * 2),
        ("classification", False, 0.5 * 100 * 2),
        ("regression", True, 0.5 * 99 * 3),
        ("regression", False, 0.5 * 100 * 3),
    ],
)
def test_values(kind: Any, intercept: bool, expected: float) -> None:
    found = log_bayes_factor(0.5, kind=kind, num_rows=100, num_label_columns=3, intercept=intercept)
    assert found == expected
    assert TIE_NATS == 30.0


def test_two_classes_count_once() -> None:
    from esm_client.core.scoring.evidence import log_maximum_evidence

    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(40, 5)), np.arange(40) % 2
    gain = log_maximum_evidence(x + y[:, None], y, kind="classification")
    gain -= log_maximum_evidence(x, y, kind="classification")
    one = log_bayes_factor(gain, kind="classification", num_rows=40, num_label_columns=2)
    # The same labels as one regression column carry the same evidence.
    other = log_maximum_evidence(x + y[:, None], y, kind="regression")
    other -= log_maximum_evidence(x, y, kind="regression")
    assert one == pytest.approx(
        log_bayes_factor(other, kind="regression", num_rows=40, num_label_columns=1)
    )


@pytest.mark.parametrize(
    ("kind", "rows", "columns"),
    [("classification", 10, 1), ("classification", 1, 2), ("regression", 10, 0)],
)
def test_too_few(kind: Any, rows: int, columns: int) -> None:
    with pytest.raises(InvalidInput, match="nothing to compare"):
        log_bayes_factor(0.5, kind=kind, num_rows=rows, num_label_columns=columns)


def test_unknown_kind() -> None:
    with pytest.raises(InvalidInput, match="kind"):
        log_bayes_factor(
            0.5,
            kind="ranking",  # type: ignore[arg-type]
            num_rows=9,
            num_label_columns=2,
        )
