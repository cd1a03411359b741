"""Rankings over HTTP equal the kernel's own numbers."""

import base64
from dataclasses import dataclass

import numpy as np
import pytest

from esm_client.core.artifact.directory import EsmArtifact
from esm_client.core.scoring.margin import TIE_NATS, log_bayes_factor
from esm_client.core.scoring.sketch import TargetSketch

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")


def make_sketch(dimension=16, rows=60, classes=3, seed=0, kind="classification"):
    rng = np.random.default_rng(seed)
    labels = np.arange(rows) % classes
    embeddings = rng.standard_normal((rows, dimension)) + labels[:, None] * 0.3
    if kind == "regression":
        labels = embeddings[:, 0] + rng.standard_normal(rows)
    return TargetSketch.from_embeddings(embeddings, labels, kind=kind)


def body(space, sketch, **fields):
    encoded = base64.b64encode(sketch.to_bytes()).decode()
    return {"space": space, "sketch": encoded, **fields}


@dataclass
class Pool:
    space: str
    directories: dict


@pytest.fixture(name="pool")
def _pool(unique, push, esm_directory):
    directories = {}
    for index in range(4):
        path = f"{unique}/esm-{index}"
        directories[path] = esm_directory(f"esm-{index}", seed=index)
        assert push(directories[path], path, space=unique).status_code == 201
    return Pool(unique, directories)


@pytest.mark.parametrize("kind", ["classification", "regression"])
@pytest.mark.parametrize("intercept", [True, False])
def test_ranking_equals_the_kernel(registry, pool, kind, intercept):
    sketch = make_sketch(kind=kind)
    expected = {}
    for path, directory in pool.directories.items():
        affine = EsmArtifact.read(directory).map
        expected[f"{path}@1"] = sketch.log_maximum_evidence(
            affine.weight, affine.bias, intercept=intercept
        )
    identity = sketch.identity_log_maximum_evidence(intercept=intercept)
    with registry.client(registry.read_token) as client:
        response = client.post("/v1/rankings", json=body(pool.space, sketch, intercept=intercept))
    assert response.status_code == 201, response.text
    receipt = response.json()
    rows = receipt["rows"]
    assert [row["reference"] for row in rows] == sorted(expected, key=lambda ref: -expected[ref])
    assert [row["rank"] for row in rows] == [1, 2, 3, 4]
    best = rows[0]["score"]
    for row in rows:
        assert row["score"] == pytest.approx(expected[row["reference"]], abs=1e-12)
        assert row["gain"] == pytest.approx(row["score"] - identity, abs=1e-12)
        factor = log_bayes_factor(
            row["score"] - best,
            kind=kind,
            num_rows=sketch.num_rows,
            num_label_columns=sketch.num_label_columns,
            intercept=intercept,
        )
        assert row["log_bayes_factor"] == pytest.approx(factor, abs=1e-9)
        assert row["tied"] == (abs(factor) < TIE_NATS)
    assert receipt["identity_score"] == pytest.approx(identity, abs=1e-12)
    assert receipt["pool_size"] == 4
    assert receipt["num_rows"] == 60
    assert receipt["label_map_digest"] == sketch.label_map_digest
    assert receipt["skipped"] == []
    assert receipt["space_verified"] is False
