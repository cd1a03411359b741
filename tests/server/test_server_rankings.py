"""Rankings over HTTP equal the kernel's own numbers."""

import base64
from dataclasses import dataclass

import numpy as np
import pytest
from support.storage import overwrite

from esm_client.core.artifact.directory import EsmArtifact
from esm_client.core.maps.low_rank import LowRankMap
from esm_client.core.maps.mlp import MlpMap
from esm_client.core.scoring.jackknife import fold_sketches
from esm_client.core.scoring.margin import TIE_NATS, log_bayes_factor
from esm_client.core.scoring.sketch import TargetSketch
from esm_client.core.scoring.views import Views

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


def post(registry, space, sketch, **fields):
    with registry.client(registry.read_token) as client:
        return client.post("/v1/rankings", json=body(space, sketch, **fields))


def test_receipt_is_fetched_again_unchanged(registry, pool, problem):
    receipt = post(registry, pool.space, make_sketch()).json()
    path = f"/v1/rankings/{receipt['id']}"
    with registry.client(registry.read_token) as owner:
        assert owner.get(path).json() == receipt
    with registry.client(registry.admin_token) as admin:
        assert admin.get(path).json() == receipt
    with registry.client(registry.write_token) as stranger:
        problem(stranger.get(path), 404, "not-found")


def test_the_sketch_is_not_kept(registry, pool):
    sketch = make_sketch(seed=77)
    needle = sketch.to_bytes()[-400:]
    assert post(registry, pool.space, sketch).status_code == 201
    for path in registry.data_dir.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            assert needle not in content, path
            assert base64.b64encode(sketch.to_bytes())[-400:] not in content, path


def test_latest_versions_are_ranked(registry, pool, push, esm_directory):
    before = post(registry, pool.space, make_sketch()).json()
    path = next(iter(pool.directories))
    assert push(esm_directory("newer", seed=99), path, space=pool.space).status_code == 201
    after = post(registry, pool.space, make_sketch()).json()
    assert after["pool_size"] == before["pool_size"] == 4
    assert after["pool_generation"] == before["pool_generation"] + 1
    assert f"{path}@2" in [row["reference"] for row in after["rows"]]
    assert f"{path}@1" not in [row["reference"] for row in after["rows"]]


def test_fingerprint_makes_it_verified(registry, pool, problem, esm_directory):
    directory = next(iter(pool.directories.values()))
    own = EsmArtifact.read(directory).fingerprint.model_dump(mode="json")
    receipt = post(registry, pool.space, make_sketch(), fingerprint=own).json()
    assert receipt["space_verified"] is True
    other = EsmArtifact.read(esm_directory("other", space_seed=1)).fingerprint
    response = post(registry, pool.space, make_sketch(), fingerprint=other.model_dump(mode="json"))
    problem(response, 409, "space-mismatch")


def test_sketch_of_another_width(registry, pool, problem):
    detail = problem(
        post(registry, pool.space, make_sketch(dimension=8)), 400, "dimension-mismatch"
    )["detail"]
    assert "8" in detail
    assert "16" in detail


def test_views_that_the_space_does_not_have(registry, pool, problem):
    rng = np.random.default_rng(0)
    sketch = TargetSketch.from_embeddings(
        rng.standard_normal((60, 20)),
        np.arange(60) % 2,
        kind="classification",
        views=Views(4, "sha256:" + "0" * 64),
    )
    detail = problem(post(registry, pool.space, sketch), 400, "dimension-mismatch")["detail"]
    assert "4 views" in detail


def test_unknown_space_lists_known_ones(registry, pool, problem):
    response = post(registry, f"{pool.space}-typo", make_sketch())
    assert "Existing spaces:" in problem(response, 404, "not-found")["hint"]


def test_one_class_has_nothing_to_explain(registry, pool, problem):
    sketch = make_sketch(classes=1)
    problem(post(registry, pool.space, sketch), 400, "invalid-labels")


@pytest.mark.parametrize("spoil", ["nan", "truncated", "garbage"])
def test_spoiled_sketches(registry, pool, problem, spoil):
    data = make_sketch().to_bytes()
    bad = {
        "nan": data[:-8] + np.float64(np.nan).tobytes(),
        "truncated": data[:-8],
        "garbage": b"\xff" * 100,
    }[spoil]
    fields = {"space": pool.space, "sketch": base64.b64encode(bad).decode()}
    with registry.client(registry.read_token) as client:
        problem(client.post("/v1/rankings", json=fields), 400, "invalid-sketch")


def test_equal_scores_are_ordered_by_reference(registry, push, esm_directory, unique):
    for name in ("b", "a", "c"):
        directory = esm_directory(f"same-{name}", seed=1, data_set="same")
        assert push(directory, f"{unique}/{name}", space=unique).status_code == 201
    rows = post(registry, unique, make_sketch()).json()["rows"]
    assert [row["reference"] for row in rows] == [f"{unique}/{name}@1" for name in "abc"]
    assert all(row["tied"] for row in rows)
    assert len({row["score"] for row in rows}) == 1


def test_one_bad_map_does_not_spoil_the_ranking(start_registry, push, esm_directory):
    """A blob and the shelf of all maps are damaged on disk after they were accepted."""
    running = start_registry()
    for index in range(3):
        directory = esm_directory(f"esm-{index}", seed=index)
        push(directory, f"n/esm-{index}", server=running).raise_for_status()
    with running.client(running.read_token) as client:
        path = "/v1/esms/n/esm-1/versions/1"
        version = client.get(path).json()
        digest = version["manifest"]["files"]["model.safetensors"]["sha256"]
        overwrite(running.data_dir, digest, b"damaged")
        first = client.post("/v1/rankings", json=body("tiny-bert-mean-128", make_sketch(seed=1)))
        assert len(first.json()["rows"]) == 3, "what is at hand needs no blob"
    running.stop()
    (shelf,) = (running.data_dir / "engine").glob("*/*.maps")
    shelf.write_bytes(bytes(byte ^ 1 for byte in shelf.read_bytes()))
    running = start_registry(running.data_dir)
    with running.client(running.read_token) as client:
        receipt = client.post("/v1/rankings", json=body("tiny-bert-mean-128", make_sketch())).json()
    assert [row["reference"] for row in receipt["skipped"]] == ["n/esm-1@1"]
    assert receipt["skipped"][0]["code"] in ("invalid-artifact", "unavailable")
    assert len(receipt["rows"]) == 2
    assert receipt["pool_size"] == 3


def test_extreme_but_finite_weights_are_answered(registry, pool, push, esm_directory):
    """Whatever the kernel makes of them, the answer is JSON with finite numbers."""
    directory = esm_directory("huge", seed=3)
    artifact = EsmArtifact.read(directory)
    huge = EsmArtifact(
        artifact.config,
        type(artifact.map)(np.full((16, 16), 3e38, np.float32), artifact.map.bias),
        artifact.summary,
        artifact.card,
    ).write(directory.parent / "huge-2")
    assert push(huge, f"{pool.space}/huge", space=pool.space, force=True).status_code == 201
    receipt = post(registry, pool.space, make_sketch()).json()
    assert len(receipt["rows"]) + len(receipt["skipped"]) == 5
    assert all(np.isfinite(row["score"]) for row in receipt["rows"])


def test_low_rank_maps_are_ranked_and_mlps_skipped_with_their_reason(
    registry, pool, push, esm_directory
):
    artifact = EsmArtifact.read(esm_directory("other", seed=9))
    rng = np.random.default_rng(0)

    def draw(*shape):
        return rng.standard_normal(shape).astype(np.float32)

    maps = (
        LowRankMap(np.ones(1, np.float32), draw(16, 3), draw(16, 3) / 9, draw(16)),
        MlpMap(draw(5, 16), draw(5), draw(16, 5) / 9, draw(16)),
    )
    for esm_map in maps:
        name = esm_map.architecture
        config = artifact.config.model_copy(update={"architecture": name})
        changed = EsmArtifact(config, esm_map, artifact.summary, artifact.card)
        folder = changed.write(esm_directory(f"x-{name}").parent / name)
        answer = push(folder, f"{pool.space}/{name}", space=pool.space)
        assert answer.status_code == 201, answer.text
    sketch = make_sketch()
    receipt = post(registry, pool.space, sketch).json()
    scores = {row["reference"]: row["score"] for row in receipt["rows"]}
    affine = maps[0].as_affine()
    expected = sketch.log_maximum_evidence(affine.weight, affine.bias, intercept=True)
    assert scores[f"{pool.space}/low-rank@1"] == pytest.approx(expected, abs=1e-8)
    assert [(row["reference"], row["code"]) for row in receipt["skipped"]] == [
        (f"{pool.space}/mlp@1", "needs-embeddings")
    ]
    assert "Send the embeddings too (`send_embeddings`)" in receipt["skipped"][0]["reason"]


def test_a_sketch_of_a_wide_space_is_not_too_large(registry, unique, push, esm_directory):
    dimension = 1200  # a body of 8 MB, twice what other requests may have
    assert push(esm_directory("wide", dimension), f"{unique}/wide", space=unique).status_code == 201
    sketch = make_sketch(dimension, rows=dimension + 50)
    with registry.client(registry.read_token) as client:
        response = client.post("/v1/rankings", json=body(unique, sketch))
    assert response.status_code == 201, response.text
    assert len(response.request.content) > 7 * 2**20


def test_folds_give_errors_and_rank_ranges(registry, pool, problem):
    x = np.random.default_rng(5).standard_normal((80, 16))
    y = (x[:, 0] + x[:, 1] > 0).astype(int)
    folds = fold_sketches(x, y, kind="classification")
    encoded = [base64.b64encode(fold.to_bytes()).decode() for fold in folds]
    sketch = TargetSketch.from_embeddings(x, y, kind="classification")
    rows = post(registry, pool.space, sketch, folds=encoded).json()["rows"]
    assert len(rows) > 1
    for row in rows:
        low, high = row["rank_range"]
        assert 1 <= low <= high <= len(rows)
        assert row["standard_error"] > 0
    assert post(registry, pool.space, sketch).json()["rows"][0]["standard_error"] is None
    wrong = post(registry, pool.space, sketch, folds=encoded[:9])
    problem(wrong, 400, "invalid-sketch")


def test_a_prefiltered_pool_is_scored_in_part(registry, pool):
    sketch = make_sketch()
    whole = post(registry, pool.space, sketch).json()
    part = post(registry, pool.space, sketch, mode="prefiltered").json()
    assert part["mode"] == "prefiltered"
    assert part["num_exact"] == len(part["rows"]) <= whole["num_exact"]
    scores = {row["reference"]: row["score"] for row in whole["rows"]}
    assert {row["reference"]: row["score"] for row in part["rows"]}.items() <= scores.items()
    assert not {row["reference"] for row in part["skipped"]} & scores.keys()
