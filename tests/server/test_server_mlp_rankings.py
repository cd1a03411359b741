"""With the rows of a target, and not only their sketch, the server scores MLP maps too."""

import base64

import numpy as np
import pytest
from server.test_server_rankings import post

from esm_client.core.artifact.directory import EsmArtifact
from esm_client.core.maps.mlp import MlpMap
from esm_client.core.scoring.embedded import EmbeddedTarget
from esm_client.core.scoring.evidence import log_maximum_evidence
from esm_client.core.scoring.jackknife import fold_sketches
from esm_client.core.scoring.sketch import TargetSketch
from esm_client.core.tensors import dump_tensors

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")


@pytest.fixture(name="space")
def _space(unique, push, esm_directory, tmp_path):
    """Two full maps and an MLP."""
    for seed in range(2):
        push(esm_directory(f"full-{seed}", seed=seed), f"{unique}/full-{seed}", space=unique)
    made = EsmArtifact.read(esm_directory("other", seed=9))
    config = made.config.model_copy(update={"architecture": "mlp"})
    folder = EsmArtifact(config, MLP, made.summary, made.card).write(tmp_path / "mlp")
    assert push(folder, f"{unique}/mlp", space=unique).status_code == 201
    return unique


def draw(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


MLP = MlpMap(draw(5, 16), draw(5), draw(16, 5, seed=1) / 9, draw(16))
X = draw(60, 16, seed=2)
LABELS = {
    "classification": np.random.default_rng(0).choice(["no", "yes", "maybe"], 60),
    "regression": X[:, 0] + draw(60, seed=3),
}


def encoded(one):
    return base64.b64encode(one.to_bytes()).decode()


@pytest.mark.parametrize("kind", LABELS)
@pytest.mark.parametrize("intercept", [True, False])
def test_an_mlps_score_is_that_of_its_features(registry, space, kind, intercept):
    sketch = TargetSketch.from_embeddings(X, LABELS[kind], kind=kind)
    rows = encoded(EmbeddedTarget.of(X, LABELS[kind], kind=kind))
    receipt = post(registry, space, sketch, embedded=rows, intercept=intercept).json()
    assert not receipt["skipped"]
    scores = {row["reference"]: row["score"] for row in receipt["rows"]}
    features = MLP.apply(X.astype(np.float64))
    expected = log_maximum_evidence(features, LABELS[kind], kind=kind, intercept=intercept)
    assert scores.pop(f"{space}/mlp@1") == pytest.approx(expected, abs=1e-9)
    without = post(registry, space, sketch, intercept=intercept).json()
    assert {row["reference"]: row["score"] for row in without["rows"]} == scores


def test_folds_leave_mlps_without_an_error(registry, space):
    y = LABELS["classification"]
    sketch = TargetSketch.from_embeddings(X, y, kind="classification")
    rows = encoded(EmbeddedTarget.of(X, y, kind="classification"))
    folds = [encoded(fold) for fold in fold_sketches(X, y, kind="classification")]
    receipt = post(registry, space, sketch, embedded=rows, folds=folds).json()
    errors = {row["reference"]: row["standard_error"] for row in receipt["rows"]}
    assert errors.pop(f"{space}/mlp@1") is None
    assert all(error > 0 for error in errors.values())


def test_rows_of_another_target_are_refused(registry, space, problem):
    y = LABELS["classification"]
    sketch = TargetSketch.from_embeddings(X, y, kind="classification")
    numbers = np.arange(60.0)
    wrong = (
        EmbeddedTarget.of(X[:59], y[:59], kind="classification"),
        EmbeddedTarget.of(X, y[::-1], kind="classification"),
        EmbeddedTarget.of(X[:, :15], y, kind="classification"),
        EmbeddedTarget.of(X, numbers, kind="regression"),
    )
    for one in wrong:
        answer = post(registry, space, sketch, embedded=encoded(one))
        assert "those of the sketch" in problem(answer, 400, "invalid-embeddings")["detail"]
    for broken in (b"x", dump_tensors({"embeddings": X}), dump_tensors({"labels": X})):
        answer = post(registry, space, sketch, embedded=base64.b64encode(broken).decode())
        problem(answer, 400, "invalid-embeddings")
