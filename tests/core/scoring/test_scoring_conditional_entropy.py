"""NCE against sums over counted pairs, its invariances and errors."""

import math
from typing import Any

import numpy as np
import pytest

from esm_client.core.errors import InvalidLabels
from esm_client.core.scoring.conditional_entropy import negative_conditional_entropy


def by_sums(predicted: list[Any], labels: list[Any]) -> float:
    """Sum over source classes z and labels y of P(y, z) log(P(y, z) / P(z)), from counts."""
    rows = list(zip(predicted, labels, strict=True))
    terms = []
    for z in set(predicted):
        of_z = [label for given, label in rows if given == z]
        for y in set(of_z):
            joint, share = of_z.count(y) / len(rows), of_z.count(y) / len(of_z)
            terms.append(joint * math.log(share))
    return math.fsum(terms)


def test_by_hand() -> None:
    # Of the three rows that the source calls a, two are x and one is y; of the two that it
    # calls b, one is x and one is z. Each row adds the logarithm of its label's share, over 5.
    predicted, labels = ["a", "a", "b", "a", "b"], ["x", "y", "x", "x", "z"]
    expected = (2 * math.log(2 / 3) + math.log(1 / 3) + 2 * math.log(1 / 2)) / 5
    assert negative_conditional_entropy(predicted, labels) == pytest.approx(expected, rel=1e-14)


@pytest.mark.parametrize(
    ("rows", "sources", "classes"),
    [(1, 1, 1), (2, 2, 2), (7, 20, 3), (30, 1, 4), (30, 4, 1), (64, 64, 64), (400, 7, 100)],
)
def test_equals_sums_over_pairs(rows: int, sources: int, classes: int) -> None:
    rng = np.random.default_rng(rows)
    for _ in range(5):
        predicted = rng.integers(0, sources, size=rows)
        labels = rng.integers(0, classes, size=rows)
        found = negative_conditional_entropy(predicted, labels)
        assert found == pytest.approx(by_sums(predicted.tolist(), labels.tolist()), abs=1e-13)
        assert -math.log(classes) - 1e-12 <= found <= 0.0


def test_a_class_of_one_row() -> None:
    # The only row of its label is one of the source class's ten.
    predicted, labels = [0] * 10 + [1] * 10, ["many"] * 9 + ["once"] + ["many"] * 10
    expected = (9 * math.log(9 / 10) + math.log(1 / 10)) / 20
    assert negative_conditional_entropy(predicted, labels) == pytest.approx(expected, rel=1e-14)


def test_nothing_to_doubt_is_exactly_zero() -> None:
    labels = np.arange(90) % 9
    assert negative_conditional_entropy(labels * 7 - 3, labels) == 0.0
    assert negative_conditional_entropy(np.arange(90), labels) == 0.0
    assert negative_conditional_entropy(labels, np.zeros(90)) == 0.0


def test_a_source_that_says_one_thing_leaves_the_entropy_of_the_labels() -> None:
    # Shares of 1/2, 1/4 and 1/4: the entropy is 1/2 log 2 + 2/4 log 4 = 3/2 log 2.
    labels = ["a", "a", "b", "c"] * 5
    assert negative_conditional_entropy([7] * 20, labels) == pytest.approx(-1.5 * math.log(2))


def test_more_classes_than_a_table_could_hold() -> None:
    rows = np.arange(200_000)
    found = negative_conditional_entropy(rows // 2, rows)
    assert found == pytest.approx(-math.log(2), rel=1e-12)


def test_order_and_names_do_not_matter() -> None:
    rng = np.random.default_rng(1)
    predicted, labels = rng.integers(0, 5, size=60), rng.integers(0, 4, size=60)
    expected = negative_conditional_entropy(predicted, labels)
    order, renamed = rng.permutation(60), rng.permutation(5)
    for given, target in (
        (predicted[order], labels[order]),
        (renamed[predicted], 3 - labels),
        ([f"source {z}" for z in predicted], [f"target {y}" for y in labels]),
        (predicted.astype(np.float32) / 4, labels.astype(np.uint8)),
    ):
        assert negative_conditional_entropy(given, target) == pytest.approx(expected, abs=1e-14)


@pytest.mark.parametrize(
    "labels", [[True, False, True], ["yes", "no", "yes"], [1, 0, 1], [0.5, -2.0, 0.5]]
)
def test_types_of_labels(labels: Any) -> None:
    # All three rows are called 0: shares 2/3 and 1/3.
    expected = (2 * math.log(2 / 3) + math.log(1 / 3)) / 3
    for form in (labels, np.array(labels), np.array(labels, dtype=object)):
        assert negative_conditional_entropy([0, 0, 0], form) == pytest.approx(expected, rel=1e-14)


def test_inputs_are_not_written() -> None:
    predicted, labels = np.array([2, 0, 2, 1]), np.array(["a", "b", "b", "a"])
    copies = predicted.copy(), labels.copy()
    predicted.flags.writeable = labels.flags.writeable = False
    negative_conditional_entropy(predicted, labels)
    assert np.array_equal(predicted, copies[0])
    assert np.array_equal(labels, copies[1])


@pytest.mark.parametrize(
    ("predicted", "labels"),
    [
        ([0, 1, 1], [0, 1]),
        ([], []),
        (np.zeros((2, 1)), [0, 1]),
        ([0, 1], np.zeros((2, 1))),
        (3, 3),
        ([0, 1], [0.0, np.nan]),
        ([np.nan, 1.0], [0, 1]),
        ([0, 1], ["a", None]),
        ([0, 1], [[0], [0, 1]]),
    ],
)
def test_invalid(predicted: Any, labels: Any) -> None:
    with pytest.raises(InvalidLabels) as caught:
        negative_conditional_entropy(predicted, labels)
    assert caught.value.hint
