"""Low-rank maps scored without decomposing them, against the singular values of each."""

from typing import Any

import numpy as np
import pytest

from esm_client.core.scoring.low_rank import LowRankScorer
from esm_client.core.scoring.sketch import TargetSketch

pytestmark = pytest.mark.filterwarnings(
    "ignore::esm_client.core.scoring.disclosure.DisclosureWarning"
)

Maps = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


def random_maps(rng: np.random.Generator, dimension: int, rank: int, count: int = 8) -> Maps:
    size = rng.choice([1e-6, 0.1, 1.0, 30.0], size=(count, 1, 1)) / np.sqrt(dimension)
    left = rng.normal(size=(count, dimension, rank)) * size
    right = rng.normal(size=(count, dimension, rank))
    return (
        rng.choice([-1.0, 0.3, 1.0, 7.0], count),
        left,
        right,
        rng.normal(size=(count, dimension)),
    )


def one_by_one(sketch: TargetSketch, maps: Maps, intercept: bool) -> list[float]:
    def score(scale: float, left: np.ndarray, right: np.ndarray, bias: np.ndarray) -> float:
        weight = scale * np.eye(len(left)) + left @ right.T
        return sketch.log_maximum_evidence(weight, bias, intercept=intercept)

    return [score(*one) for one in zip(*maps, strict=True)]


@pytest.mark.parametrize("intercept", [True, False])
def test_equals_the_score_of_the_full_map(case: Any, intercept: bool) -> None:
    sketch = TargetSketch.from_embeddings(case.features, case.labels, kind=case.kind)
    rng = np.random.default_rng(3)
    scorer = LowRankScorer(sketch.design(intercept=intercept))
    for rank in (1, 2, sketch.dimension):
        maps = random_maps(rng, sketch.dimension, rank)
        found = scorer.scores(*maps)
        assert found == pytest.approx(one_by_one(sketch, maps, intercept), rel=0, abs=1e-7)


@pytest.mark.parametrize("intercept", [True, False])
@pytest.mark.parametrize(
    ("rows", "dimension", "classes"), [(400, 64, 2), (40, 64, 5), (300, 30, 20)]
)
def test_maps_that_remove_what_explains(
    rows: int, dimension: int, classes: int, intercept: bool
) -> None:
    rng = np.random.default_rng(rows)
    x = rng.normal(size=(rows, dimension)) * np.arange(1, dimension + 1) ** -1.0
    y = (x[:, :classes] + 0.1 * rng.normal(size=(rows, min(classes, dimension)))).argmax(axis=1)
    sketch = TargetSketch.from_embeddings(x, y, kind="classification")
    axes = np.eye(dimension)[np.newaxis]
    none = np.zeros((1, dimension))
    scorer = LowRankScorer(sketch.design(intercept=intercept))
    for rank in (1, 4, classes):
        removing = (np.ones(1), -axes[:, :, :rank], axes[:, :, :rank], none)
        alone = (np.zeros(1), axes[:, :, :rank], axes[:, :, :rank], none)
        for maps in (removing, alone):
            wanted = one_by_one(sketch, maps, intercept)
            assert scorer.scores(*maps) == pytest.approx(wanted, rel=0, abs=1e-7)


def test_no_change_is_the_identity() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(200, 12)), rng.normal(size=(200, 3))
    sketch = TargetSketch.from_embeddings(x, y + x[:, :3], kind="regression")
    nothing = np.zeros((2, 12, 3))
    found = LowRankScorer(sketch.design()).scores([1.0, -5.0], nothing, nothing, np.zeros((2, 12)))
    assert found == pytest.approx([sketch.identity_log_maximum_evidence()] * 2, abs=1e-9)


def test_half_precision_is_read_as_it_is() -> None:
    rng = np.random.default_rng(1)
    x = rng.normal(size=(90, 20))
    sketch = TargetSketch.from_embeddings(x, x[:, 0] > 0, kind="classification")
    maps = tuple(array.astype(np.float16) for array in random_maps(rng, 20, 2))
    wide = tuple(array.astype(np.float64) for array in maps)
    scorer = LowRankScorer(sketch.design())
    assert scorer.scores(*maps).tolist() == scorer.scores(*wide).tolist()


def test_maps_of_high_rank_are_decomposed() -> None:
    """Beyond some rank that is faster, and takes no memory by the square of the rank."""
    rng = np.random.default_rng(5)
    x = rng.normal(size=(200, 80))
    sketch = TargetSketch.from_embeddings(x, x[:, 0] > 0, kind="classification")
    scorer = LowRankScorer(sketch.design(intercept=True))
    maps = random_maps(rng, 80, 70, count=4)
    assert scorer.scores(*maps) == pytest.approx(one_by_one(sketch, maps, True), rel=0, abs=1e-12)
