"""LEEP against its definition in explicit sums, its invariances and errors."""

import math
from typing import Any

import numpy as np
import pytest

from esm_client.core.errors import InvalidEmbeddings, InvalidLabels
from esm_client.core.scoring.conditional_entropy import negative_conditional_entropy
from esm_client.core.scoring.leep import log_expected_empirical_prediction


def by_sums(probabilities: Any, labels: Any) -> float:
    """Mean of log sum_z P(label | z) p(z | row), each P from a sum over all rows."""
    given: list[list[float]] = np.asarray(probabilities, dtype=np.float64).tolist()
    target = list(labels)
    sources, rows = range(len(given[0])), range(len(given))

    def joint(label: object, z: int) -> float:
        return math.fsum(given[i][z] for i in rows if target[i] == label) / len(given)

    def mass(z: int) -> float:
        return math.fsum(given[i][z] for i in rows) / len(given)

    conditional = {
        (label, z): joint(label, z) / mass(z) for label in set(target) for z in sources if mass(z)
    }
    return math.fsum(
        math.log(math.fsum(conditional.get((target[i], z), 0.0) * given[i][z] for z in sources))
        for i in rows
    ) / len(given)


def softmax(rng: np.random.Generator, rows: int, sources: int, sharpness: float) -> np.ndarray:
    logits = sharpness * rng.normal(size=(rows, sources))
    weights = np.exp(logits - logits.max(axis=1, keepdims=True))
    return weights / weights.sum(axis=1, keepdims=True)


def test_by_hand() -> None:
    # Masses of the source's two classes, over the rows: 3/4 + 1/4 + 1/2 = 3/2 each.
    # Of a (rows 0 and 2): 3/4 + 1/2 = 5/4 and 1/4 + 1/2 = 3/4, so P(a | 0) = 5/6, P(a | 1) = 1/2.
    # Of b (row 1): 1/4 and 3/4, so P(b | 0) = 1/6, P(b | 1) = 1/2.
    # Row 0: 5/6 3/4 + 1/2 1/4 = 3/4. Row 1: 1/6 1/4 + 1/2 3/4 = 5/12. Row 2: 5/12 + 1/4 = 2/3.
    expected = (math.log(3 / 4) + math.log(5 / 12) + math.log(2 / 3)) / 3
    found = log_expected_empirical_prediction(
        [[0.75, 0.25], [0.25, 0.75], [0.5, 0.5]], ["a", "b", "a"]
    )
    assert found == pytest.approx(expected, rel=1e-14)


@pytest.mark.parametrize(
    ("rows", "sources", "classes"),
    [(1, 1, 1), (1, 5, 1), (6, 20, 2), (9, 9, 3), (40, 3, 4), (40, 2, 1), (120, 5, 100)],
)
@pytest.mark.parametrize("sharpness", [0.0, 1.0, 30.0])
def test_equals_explicit_sums(rows: int, sources: int, classes: int, sharpness: float) -> None:
    rng = np.random.default_rng(rows)
    given = softmax(rng, rows, sources, sharpness)
    labels = rng.permutation(np.arange(rows) % classes)
    found = log_expected_empirical_prediction(given, labels)
    assert found == pytest.approx(by_sums(given, labels.tolist()), abs=1e-12)
    assert found <= 1e-15


def test_a_class_of_one_row() -> None:
    given = softmax(np.random.default_rng(2), 25, 4, 1.0)
    labels = ["many"] * 24 + ["once"]
    found = log_expected_empirical_prediction(given, labels)
    assert found == pytest.approx(by_sums(given, labels), abs=1e-13)


def test_a_source_that_is_sure_of_all_rows_scores_as_nce() -> None:
    rng = np.random.default_rng(3)
    predicted, labels = rng.integers(0, 5, size=80), rng.integers(0, 3, size=80)
    found = log_expected_empirical_prediction(np.eye(5)[predicted], labels)
    assert found == pytest.approx(negative_conditional_entropy(predicted, labels), abs=1e-13)


def test_the_likeliest_source_class_alone_never_explains_more() -> None:
    # One term of each row's sum, and all terms are positive: the proof of Nguyen et al.'s bound.
    rng = np.random.default_rng(4)
    for sharpness in (0.5, 3.0):
        given = softmax(rng, 50, 4, sharpness)
        labels = rng.integers(0, 3, size=50)
        joint = np.array([given[labels == y].sum(axis=0) for y in range(3)])
        best = given.argmax(axis=1)
        share = joint[labels, best] / joint.sum(axis=0)[best]
        bound = (np.log(share) + np.log(given.max(axis=1))).mean()
        assert log_expected_empirical_prediction(given, labels) >= bound


def test_a_source_class_without_mass_says_nothing() -> None:
    given = softmax(np.random.default_rng(5), 30, 3, 1.0)
    labels = np.arange(30) % 4
    expected = log_expected_empirical_prediction(given, labels)
    for place in (0, 1, 3):
        padded = np.insert(given, place, 0.0, axis=1)
        assert log_expected_empirical_prediction(padded, labels) == pytest.approx(expected, rel=0)
    assert log_expected_empirical_prediction([[1.0, 0.0]] * 2, ["a", "b"]) == math.log(0.5)


def test_vanishing_probabilities_do_no_harm() -> None:
    given = np.array([[1.0, 5e-324], [1.0, 1e-300], [1.0, 0.0]])
    found = log_expected_empirical_prediction(given, ["a", "b", "b"])
    # All that counts is the first source class, in which one row of three is an a.
    expected = (math.log(1 / 3) + 2 * math.log(2 / 3)) / 3
    assert found == pytest.approx(expected, rel=1e-14)


def test_a_source_class_in_two_halves_is_one() -> None:
    given = softmax(np.random.default_rng(6), 30, 3, 1.0)
    labels = np.arange(30) % 4
    halves = np.column_stack([given[:, :2], given[:, 2:] / 2, given[:, 2:] / 2])
    assert log_expected_empirical_prediction(halves, labels) == pytest.approx(
        log_expected_empirical_prediction(given, labels), abs=1e-14
    )


def test_order_and_names_do_not_matter() -> None:
    rng = np.random.default_rng(7)
    given, labels = softmax(rng, 40, 6, 1.0), rng.integers(0, 3, size=40)
    expected = log_expected_empirical_prediction(given, labels)
    order = rng.permutation(40)
    for probabilities, target in (
        (given[order], labels[order]),
        (given[:, rng.permutation(6)], labels),
        (given, 2 - labels),
        (given, [f"class {label}" for label in labels]),
    ):
        found = log_expected_empirical_prediction(probabilities, target)
        assert found == pytest.approx(expected, abs=1e-14)


def test_booleans_strings_and_numbers_are_labels() -> None:
    given = softmax(np.random.default_rng(8), 6, 2, 1.0)
    ids = np.array([0, 1, 1, 0, 1, 0])
    expected = log_expected_empirical_prediction(given, ids)
    for labels in (ids == 1, [f"{i}" for i in ids], ids * 0.5, (ids == 0).tolist()):
        assert log_expected_empirical_prediction(given, labels) == pytest.approx(expected, rel=0)


@pytest.mark.parametrize(("dtype", "close"), [(np.float16, 2e-3), (np.float32, 1e-6)])
def test_low_precision_is_brought_to_sums_of_one(dtype: Any, close: float) -> None:
    rng = np.random.default_rng(9)
    given = softmax(rng, 50, 1000, 2.0)
    low = given.astype(dtype)
    labels = rng.integers(0, 3, size=50)
    found = log_expected_empirical_prediction(low, labels)
    assert found == pytest.approx(log_expected_empirical_prediction(given, labels), abs=close)
    exact = low.astype(np.float64)
    exact /= exact.sum(axis=1, keepdims=True)
    assert found == pytest.approx(log_expected_empirical_prediction(exact, labels), abs=1e-13)
    # Sums above 1 would lift the score above the best there is.
    assert log_expected_empirical_prediction(low, np.zeros(50)) == pytest.approx(0.0, abs=1e-15)


def test_integers_are_sure_rows() -> None:
    assert log_expected_empirical_prediction(np.eye(3, dtype=np.int8), ["a", "b", "c"]) == 0.0


def test_inputs_are_not_written() -> None:
    given, labels = softmax(np.random.default_rng(10), 9, 3, 1.0), np.arange(9) % 2
    copies = given.copy(), labels.copy()
    given.flags.writeable = labels.flags.writeable = False
    log_expected_empirical_prediction(given, labels)
    assert np.array_equal(given, copies[0])
    assert np.array_equal(labels, copies[1])


@pytest.mark.parametrize(
    "probabilities",
    [
        [[0.5, 0.502], [0.5, 0.5]],
        [[0.5, 0.498], [0.5, 0.5]],
        [[1.1, -0.1], [0.5, 0.5]],
        [[0.0, 0.0], [0.5, 0.5]],
        [[np.nan, 1.0], [0.5, 0.5]],
        [[3.0, -1.0], [0.2, 4.0]],
        [0.5, 0.5],
        np.zeros((0, 2)),
        [["a"], ["b"]],
    ],
)
def test_rows_that_are_no_probabilities(probabilities: Any) -> None:
    with pytest.raises(InvalidEmbeddings) as caught:
        log_expected_empirical_prediction(probabilities, [0, 1])
    assert caught.value.hint


@pytest.mark.parametrize("labels", [[0], [0, 1, 1], [], [[0, 1]], [0.0, np.nan], ["a", None]])
def test_labels_that_do_not_fit(labels: Any) -> None:
    with pytest.raises(InvalidLabels) as caught:
        log_expected_empirical_prediction([[0.5, 0.5], [0.5, 0.5]], labels)
    assert caught.value.hint
