"""A client of the session's registry, and ESMs of every kind."""

import numpy as np
import pytest

from esm_client import Client, TargetSketch
from esm_client.core.artifact.directory import EsmArtifact
from esm_client.core.maps.low_rank import LowRankMap
from esm_client.core.maps.mlp import MlpMap


@pytest.fixture(name="client")
def _client(registry, tmp_path):
    with Client(registry.url, registry.write_token, cache_dir=tmp_path / "cache") as client:
        yield client


@pytest.fixture(name="many")
def _many(esm_directory, tmp_path):
    """Full, low-rank and MLP maps of one space."""
    rng = np.random.default_rng(0)

    def draw(*shape):
        return (rng.standard_normal(shape) / 4).astype(np.float32)

    maps = [
        LowRankMap(np.ones(1, np.float32), draw(16, 2), draw(16, 2), draw(16)) for _ in range(20)
    ]
    maps += [MlpMap(draw(5, 16), draw(5), draw(16, 5), draw(16))]
    folders = {f"full-{seed}": esm_directory(f"full-{seed}", seed=seed) for seed in range(5)}
    for number, esm_map in enumerate(maps):
        made = EsmArtifact.read(esm_directory(f"x{number}", seed=number))
        config = made.config.model_copy(update={"architecture": esm_map.architecture})
        changed = EsmArtifact(config, esm_map, made.summary, made.card)
        folders[f"n{number}"] = changed.write(tmp_path / "many" / f"n{number}")
    return folders


@pytest.fixture(name="target")
def _target():
    """Embeddings and two classes."""
    x = np.random.default_rng(1).standard_normal((60, 16))
    return x, (x[:, 0] > 0).astype(int)


@pytest.fixture(name="sketch")
def _sketch(target):
    return TargetSketch.from_embeddings(*target, kind="classification")
