"""ESMs as hf-dataset-selector writes and publishes them, in local folders."""

import json
import shutil

import numpy as np
import pytest

from esm_client.core.artifact.config import EsmConfig
from esm_client.core.artifact.directory import EsmArtifact
from esm_client.core.artifact.published import as_published, find_published
from esm_client.core.errors import InvalidArtifact, InvalidInput, NeedsEmbeddings
from esm_client.core.maps.affine import AffineMap
from esm_client.core.maps.low_rank import LowRankMap
from esm_client.core.maps.mlp import MlpMap
from esm_client.core.schemas import SourceTask
from esm_client.core.tensors import dump_tensors

D = 6
RANDOM = np.random.default_rng(0)
COMMIT = "0123456789abcdef0123456789abcdef01234567"


def draw(*shape):
    return RANDOM.normal(size=shape).astype(np.float32)


def write_theirs(folder, version="0.2.1", **keys):
    """Files as that package's save_pretrained writes them."""
    folder.mkdir(parents=True)
    document = {
        "base_model_name": "bert-base-multilingual-uncased", "task_id": "imdb",
        "text_column": "text", "label_column": "label", "esm_embedding_dim": D,
        "esm_architecture": "linear", "version": version, **keys,
    }  # fmt: skip
    (folder / "config.json").write_text(json.dumps(document))
    prefix = "sequential.0." if version == "0.1.0" else "model."
    tensors = {f"{prefix}weight": draw(D, D), f"{prefix}bias": draw(D)}
    (folder / "model.safetensors").write_bytes(dump_tensors(tensors))
    return folder


@pytest.fixture(name="cache")
def _cache(tmp_path):
    """A hub's cache: links into blobs, an old revision, a model that is no ESM."""
    hub = tmp_path / "hub"
    for name, version in (("imdb", "0.2.1"), ("old-style", "0.1.0")):
        repository = hub / f"models--team--{name}"
        snapshot = write_theirs(repository / "snapshots" / COMMIT, version, task_id=name)
        (repository / "blobs").mkdir()
        for file in list(snapshot.iterdir()):
            blob = repository / "blobs" / file.name
            shutil.move(file, blob)
            file.symlink_to(blob)
        write_theirs(repository / "snapshots" / ("f" * 40), task_id="never-this")
        (repository / "refs").mkdir()
        (repository / "refs" / "main").write_text(COMMIT)
    other = hub / "models--org--bert" / "snapshots" / COMMIT
    other.mkdir(parents=True)
    (other / "config.json").write_text('{"model_type": "bert"}')
    return hub


def test_a_hubs_cache_gives_its_esms_with_their_origin(cache):
    for folder in (cache, cache.parent):
        found = find_published(folder)
        assert [(esm.name, esm.repository) for esm in found] == [
            ("imdb", "team/imdb"), ("old-style", "team/old-style"),
        ]  # fmt: skip
        assert {esm.revision for esm in found} == {COMMIT}
    artifact = found[1].read()
    assert artifact.config.task.data_set == "old-style"
    assert artifact.provenance["imported"] == {
        "repository": "team/old-style", "revision": COMMIT, "format": "0.1.0",
    }  # fmt: skip
    assert artifact.source.location == "old-style"
    assert find_published(cache / "models--team--imdb")[0].repository == "team/imdb"


def test_an_imported_esm_is_one_of_ours(cache, tmp_path):
    esm = find_published(cache)[0]
    back = EsmArtifact.read(esm.read().write(tmp_path / "ours"))
    theirs = EsmArtifact.read(esm.folder)
    np.testing.assert_array_equal(back.map.weight, theirs.map.weight)
    assert back.provenance["imported"]["repository"] == "team/imdb"
    assert back.fingerprint is None


def test_folders_of_folders_and_one_alone(tmp_path):
    for place in ("a/same", "b/same", "c"):
        write_theirs(tmp_path / place)
    assert [esm.name for esm in find_published(tmp_path)] == ["same", "same-2", "c"]
    assert [esm.name for esm in find_published(tmp_path / "c")] == ["c"]
    assert find_published(tmp_path / "c")[0].revision is None


def test_what_holds_no_esm_says_so(tmp_path):
    with pytest.raises(InvalidInput, match="holds no ESM"):
        find_published(tmp_path)
    with pytest.raises(InvalidInput, match="There is no folder"):
        find_published(tmp_path / "none")
    broken = write_theirs(tmp_path / "broken")
    (broken / "model.safetensors").write_bytes(b"no")
    with pytest.raises(InvalidArtifact):
        find_published(broken)[0].read()


def test_any_affine_map_goes_out_as_a_linear_one(tmp_path):
    low_rank = LowRankMap(draw(1), draw(D, 2), draw(D, 2), draw(D))
    mlp = MlpMap(draw(3, D), draw(3), draw(D, 3), draw(D))

    def artifact(esm_map):
        config = EsmConfig(
            base_model="org/model", task=SourceTask(data_set="x"), dimension=D,
            architecture=esm_map.architecture,
        )  # fmt: skip
        return EsmArtifact(config, esm_map)

    X = draw(5, D)
    out = EsmArtifact.read(as_published(artifact(low_rank)).write(tmp_path / "out"))
    assert isinstance(out.map, AffineMap)
    assert out.config.architecture == "linear"
    np.testing.assert_allclose(out.apply(X), low_rank.apply(X), rtol=1e-4, atol=1e-5)
    with pytest.raises(NeedsEmbeddings):
        as_published(artifact(mlp))
