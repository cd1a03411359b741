"""Targets with views of an inner layer, and maps that read them, against the rows themselves."""

from typing import Any

import numpy as np
import pytest

from esm_client.core.errors import DimensionMismatch, InvalidInput, InvalidSketch
from esm_client.core.maps.low_rank import LowRankMap
from esm_client.core.maps.mlp import MlpMap
from esm_client.core.maps.wide import WideMap
from esm_client.core.scoring.evidence import log_maximum_evidence
from esm_client.core.scoring.map_scores import MapScorer
from esm_client.core.scoring.sketch import TargetSketch
from esm_client.core.scoring.views import Views
from esm_client.core.tensors import dump_tensors, load_tensors

pytestmark = pytest.mark.filterwarnings(
    "ignore::esm_client.core.scoring.disclosure.DisclosureWarning"
)

BASIS = "sha256:" + "ab" * 32


def split(width: int) -> Views:
    """Of so many columns, how many are views: at least one, and no more than the rest."""
    return Views(max(1, width // 3), BASIS)


def random_maps(rng: np.random.Generator, dimension: int, views: int, rank: int) -> list[WideMap]:
    return [
        WideMap(
            np.array([scale]),
            size * rng.normal(size=(dimension, rank)) / np.sqrt(dimension),
            rng.normal(size=(dimension + views, rank)),
            rng.normal(size=dimension),
        )
        for scale, size in ((1.0, 1.0), (0.3, 0.1), (-1.0, 1e-6), (7.0, 30.0), (1e-3, 1.0))
    ]


def wide_sketch(case: Any) -> TargetSketch:
    views = split(case.features.shape[1])
    return TargetSketch.from_embeddings(case.features, case.labels, kind=case.kind, views=views)


@pytest.mark.parametrize("intercept", [True, False])
@pytest.mark.parametrize("way", ["whole", "merged", "bytes"])
def test_equals_direct(case: Any, intercept: bool, way: str) -> None:
    z, y, kind = case.features, case.labels, case.kind
    views = split(z.shape[1])
    sketch = wide_sketch(case)
    if way == "merged":
        parts = [
            TargetSketch.from_embeddings(z[rows], y[rows], kind=kind, views=views)
            for rows in (slice(5), slice(5, None))
        ]
        sketch = parts[0].merge(parts[1])
    elif way == "bytes":
        sketch = TargetSketch.from_bytes(sketch.to_bytes())
    x = z[:, : sketch.dimension]
    assert (sketch.width, sketch.views) == (z.shape[1], views)
    identity = log_maximum_evidence(x, y, kind=kind, intercept=intercept)
    found = sketch.identity_log_maximum_evidence(intercept=intercept)
    assert found == pytest.approx(identity, rel=0, abs=1e-8)
    rng = np.random.default_rng(1)
    for read in (x, z):
        weight, bias = rng.normal(size=(4, read.shape[1])), rng.normal(size=4)
        mapped = read @ weight.T + bias
        if intercept and case.name == "only constant columns":
            mapped = np.zeros((len(x), 1))
        direct = log_maximum_evidence(mapped, y, kind=kind, intercept=intercept)
        found = sketch.log_maximum_evidence(weight, bias, intercept=intercept)
        assert found == pytest.approx(direct, rel=0, abs=1e-8)


@pytest.mark.parametrize("intercept", [True, False])
def test_maps_of_low_rank_equal_their_full_weights(case: Any, intercept: bool) -> None:
    sketch = wide_sketch(case)
    scorer = MapScorer(sketch, None, intercept=intercept)
    rng = np.random.default_rng(3)
    for rank in sorted({1, sketch.dimension}):
        maps = random_maps(rng, sketch.dimension, sketch.width - sketch.dimension, rank)
        affine = [one.as_affine() for one in maps]
        wanted = [
            sketch.log_maximum_evidence(one.weight, one.bias, intercept=intercept) for one in affine
        ]
        assert scorer.scores(maps) == pytest.approx(wanted, rel=0, abs=1e-6)


@pytest.mark.parametrize("intercept", [True, False])
def test_maps_of_x_score_as_without_views(case: Any, intercept: bool) -> None:
    sketch = wide_sketch(case)
    dimension = sketch.dimension
    narrow = TargetSketch.from_embeddings(case.features[:, :dimension], case.labels, kind=case.kind)
    rng = np.random.default_rng(4)
    maps = [
        LowRankMap(one.scale, one.left, one.right[:dimension], one.bias)
        for one in random_maps(rng, dimension, 1, 1)
    ]
    with_views, without = (
        MapScorer(one, None, intercept=intercept).scores(maps) for one in (sketch, narrow)
    )
    assert with_views == pytest.approx(without, rel=0, abs=1e-8)


def test_many_rows_of_many_classes_and_float16() -> None:
    rng = np.random.default_rng(5)
    z = rng.normal(size=(300, 60)) * np.arange(1, 61) ** -0.7
    y = (z[:, :16] + 0.3 * rng.normal(size=(300, 16))).argmax(axis=1)
    views = Views(20, BASIS)
    sketch = TargetSketch.from_embeddings(z, y, kind="classification", views=views)
    maps = [
        WideMap(*(array.astype(np.float16) for array in one.tensors().values()))
        for one in random_maps(rng, 40, 20, 3)
    ]
    wanted = [log_maximum_evidence(one.apply(z), y, kind="classification") for one in maps]
    found = MapScorer(sketch, None, intercept=True).scores(maps)
    assert found == pytest.approx(wanted, rel=0, abs=1e-6)


Z = np.random.default_rng(7).normal(size=(30, 9))


def sketch_of(z: np.ndarray, views: Views | None) -> TargetSketch:
    y = np.arange(len(z)) % 2
    return TargetSketch.from_embeddings(z, y, kind="classification", views=views)


@pytest.mark.parametrize("count", [0, 2])
def test_a_map_that_reads_other_views(count: int) -> None:
    sketch = sketch_of(Z[:, : 6 + count], Views(count, BASIS) if count else None)
    maps = random_maps(np.random.default_rng(8), 6, 3, 2)
    found = MapScorer(sketch, None, intercept=True).scores(maps)
    assert all(isinstance(one, DimensionMismatch) for one in found)
    assert "reads 3 views" in str(found[0])


def test_parts_with_other_views() -> None:
    whole = sketch_of(Z, Views(3, BASIS))
    for other in (None, Views(3, "sha256:" + "0" * 64)):
        with pytest.raises(InvalidSketch, match="different views"):
            whole.merge(sketch_of(Z if other else Z[:, :6], other))


@pytest.mark.parametrize("count", [0, -1, 7])
def test_more_views_than_dimensions(count: int) -> None:
    with pytest.raises(InvalidInput, match="views"):
        TargetSketch(6, kind="classification", views=Views(count, BASIS))


def test_nothing_but_views() -> None:
    with pytest.raises(DimensionMismatch, match="9 views"):
        sketch_of(Z, Views(9, BASIS))


@pytest.mark.parametrize(
    ("header", "problem"),
    [
        ({"views": "0"}, "views is '0'"),
        ({"views": "7"}, "views is '7'"),
        ({"views": "two"}, "views is 'two'"),
        ({"views": "2"}, "shape"),
        ({"basis": "sha256:zz"}, "basis"),
        ({"basis": None}, "header"),
        ({"version": "1"}, "header"),
        ({"version": "3"}, "version '3'"),
    ],
)
def test_bytes_that_contradict_themselves(header: dict[str, str | None], problem: str) -> None:
    tensors, metadata = load_tensors(sketch_of(Z, Views(3, BASIS)).to_bytes(), "the sketch")
    changed = {**metadata, **header}
    data = dump_tensors(tensors, {name: text for name, text in changed.items() if text is not None})
    with pytest.raises(InvalidSketch, match=problem):
        TargetSketch.from_bytes(data)


def test_rows_for_an_mlp_map_are_those_of_the_target() -> None:
    rng = np.random.default_rng(9)
    mlp = MlpMap(*(rng.normal(size=shape) for shape in ((4, 6), (4,), (6, 4), (6,))))
    y = np.arange(30) % 2
    sketch = sketch_of(Z, Views(3, BASIS))
    (found,) = MapScorer(sketch, (Z, y), intercept=True).scores([mlp])
    wanted = log_maximum_evidence(mlp.apply(Z[:, :6]), y, kind="classification")
    assert found == pytest.approx(wanted)
    (found,) = MapScorer(sketch_of(Z[:, :6], None), (Z, y), intercept=True).scores([mlp])
    assert isinstance(found, DimensionMismatch)
