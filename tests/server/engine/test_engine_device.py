"""The same scores from torch, on the device a test machine has."""

import logging

import numpy as np
import pytest
import torch
from core.scoring.conftest import Case, make_cases
from core.scoring.test_scoring_low_rank import one_by_one, random_maps

from esm_client.core.maps.affine import AffineMap
from esm_client.core.maps.low_rank import LowRankMap
from esm_client.core.scoring.low_rank import LowRankScorer
from esm_client.core.scoring.sketch import TargetSketch
from esm_server.engine import device as device_module
from esm_server.engine import target as target_module
from esm_server.engine.device import arrays_on
from esm_server.engine.full_rank_cuda import CholeskyScorer
from esm_server.engine.shelf import MapShape, Shelf
from esm_server.engine.target import ScoredTarget

pytestmark = pytest.mark.filterwarnings(
    "ignore::esm_client.core.scoring.disclosure.DisclosureWarning"
)
DEVICE = "cuda" if torch.cuda.is_available() else "cpu"


@pytest.mark.parametrize("case", make_cases(), ids=lambda case: case.name)
@pytest.mark.parametrize("intercept", [True, False])
def test_torch_gives_the_kernels_scores(case: Case, intercept: bool) -> None:
    sketch = TargetSketch.from_embeddings(case.features, case.labels, kind=case.kind)
    design = sketch.design(intercept=intercept)
    rng = np.random.default_rng(8)
    maps = random_maps(rng, sketch.dimension, 2)
    wanted = one_by_one(sketch, maps, intercept)
    found = LowRankScorer(design, torch, DEVICE).scores(*maps)
    assert found == pytest.approx(wanted, rel=0, abs=1e-6)
    width = sketch.dimension
    weight = np.eye(width) + 0.1 * rng.normal(size=(5, width, width))
    bias = rng.normal(size=(5, width))
    pairs = zip(weight, bias, strict=True)
    wanted = [sketch.log_maximum_evidence(*one, intercept=intercept) for one in pairs]
    found = CholeskyScorer(design, torch, DEVICE).scores(weight, bias)
    sure = np.isfinite(found)
    assert found[sure] == pytest.approx(np.array(wanted)[sure], rel=0, abs=1e-7)


def test_usual_targets_are_sure() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(300, 24)) * np.arange(1, 25) ** -0.5
    sketch = TargetSketch.from_embeddings(x, x[:, 0] > 0, kind="classification")
    weight = np.eye(24) + 0.1 * rng.normal(size=(70, 24, 24))
    found = CholeskyScorer(sketch.design(), torch, DEVICE).scores(weight, np.zeros((70, 24)))
    assert found == pytest.approx([sketch.log_maximum_evidence(w) for w in weight], abs=1e-8)


@pytest.mark.parametrize("most", [0, 2])
def test_what_a_gpu_has_no_memory_for_is_done_by_halves_or_by_the_cpu(tmp_path, monkeypatch, most):
    """Batches of more than `most` maps do not fit."""

    def scarce(real):
        def scores(self, *maps):
            if len(maps[0]) > most and self_is_on_torch(self):
                raise torch.OutOfMemoryError("CUDA out of memory")
            return real(self, *maps)

        return scores

    def self_is_on_torch(scorer):
        return getattr(scorer, "xp", torch) is torch

    monkeypatch.setattr(target_module, "arrays_on", lambda _: (torch, DEVICE))
    for kind in (LowRankScorer, CholeskyScorer):
        monkeypatch.setattr(kind, "scores", scarce(kind.scores))
    rng = np.random.default_rng(0)
    x = rng.normal(size=(90, 24))
    sketch = TargetSketch.from_embeddings(x, x[:, 0] > 0, kind="classification")
    file = tmp_path / "sketch"
    file.write_bytes(sketch.to_bytes())
    target = ScoredTarget(file, intercept=True, device="cuda")
    for make in (full_map, low_rank_map):
        maps = [make(rng, 24) for _ in range(5)]
        shelf = Shelf(tmp_path / make.__name__, MapShape.of(maps[0]))
        for number, esm_map in enumerate(maps):
            shelf.append(f"sha256:{number:064x}", esm_map)
        found = target.scorer(shelf.records(), screen=False)(np.arange(5))
        weights = [esm_map.as_affine().weight for esm_map in maps]
        assert found == pytest.approx([sketch.log_maximum_evidence(w) for w in weights], abs=1e-6)


def full_map(rng, wide):
    return AffineMap(np.eye(wide) + 0.1 * rng.normal(size=(wide, wide)), rng.normal(size=wide))


def low_rank_map(rng, wide):
    return LowRankMap(
        np.ones(1), rng.normal(size=(wide, 2)), rng.normal(size=(wide, 2)) / 9, np.zeros(wide)
    )


def test_without_a_gpu_the_log_says_so(caplog, monkeypatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(device_module, "_has_gpu", lambda: False)
    with caplog.at_level(logging.WARNING, "esm_server"):
        assert arrays_on("cuda:1") == (np, None)
    assert "uses the CPU instead of cuda:1" in caplog.text
    caplog.clear()
    assert arrays_on("auto") == (np, None)
    assert not caplog.text
