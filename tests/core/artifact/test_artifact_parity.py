"""Both directions with the published package, in an environment that has it."""

import json
from dataclasses import replace

import numpy as np
import pytest

hfselect = pytest.importorskip("hfselect")
torch = pytest.importorskip("torch")

from esm_client.core.artifact.directory import EsmArtifact  # noqa: E402
from esm_client.core.artifact.published import as_published  # noqa: E402
from esm_client.core.maps.low_rank import LowRankMap  # noqa: E402

D = 6
PEER = {
    "base_model_name": "org/model",
    "task_id": "imdb",
    "text_column": ("premise", "hypothesis"),
    "label_column": "label",
    "task_split": "train",
    "num_examples": 10,
    "seed": 42,
    "language": "en",
    "esm_architecture": "linear",
    "esm_embedding_dim": D,
    "lm_num_epochs": 3,
    "lm_learning_rate": 2e-5,
}


def test_the_peer_loads_ours_and_transforms_identically(artifact, folder):
    esm = hfselect.ESM.from_pretrained(str(folder))
    config = hfselect.ESMConfig.from_pretrained(str(folder))
    assert config.is_valid
    assert config.base_model_name == "org/model"
    assert config.get("task_subset") == "de"
    assert esm.is_initialized
    assert not esm.is_legacy_model
    X = np.random.default_rng(1).normal(size=(50, D)).astype(np.float32)
    with torch.no_grad():
        theirs = esm(torch.tensor(X)).numpy()
    np.testing.assert_allclose(artifact.map.apply(X), theirs, rtol=1e-6, atol=1e-6)
    np.testing.assert_array_equal(esm.model.weight.detach().numpy(), artifact.map.weight)
    np.testing.assert_array_equal(esm.model.bias.detach().numpy(), artifact.map.bias)


def test_the_peer_loads_what_export_makes_of_a_low_rank_map(artifact, tmp_path):
    random = np.random.default_rng(2)
    scale, left, right, bias = (
        random.normal(size=shape).astype(np.float32) for shape in ((1,), (D, 2), (D, 2), (D,))
    )
    config = artifact.config.model_copy(update={"architecture": "low-rank"})
    low_rank = replace(artifact, map=LowRankMap(scale, left, right, bias), config=config)
    esm = hfselect.ESM.from_pretrained(str(as_published(low_rank).write(tmp_path / "out")))
    X = random.normal(size=(50, D)).astype(np.float32)
    with torch.no_grad():
        theirs = esm(torch.tensor(X)).numpy()
    np.testing.assert_allclose(low_rank.apply(X), theirs, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("version", ["0.2.1", "0.1.0"])
def test_we_read_what_the_peer_saves(tmp_path, version):
    esm = hfselect.ESM(config=hfselect.ESMConfig(**PEER | {"version": version}))
    esm.save_pretrained(tmp_path / "esm")
    check_equal(esm, EsmArtifact.read(tmp_path / "esm"))


def test_we_read_the_legacy_layout_that_0_1_0_saved(tmp_path):
    from safetensors.torch import save_file

    esm = hfselect.ESM(config=hfselect.ESMConfig(**PEER | {"version": "0.1.0"}))
    assert esm.is_legacy_model
    (tmp_path / "esm").mkdir()
    save_file(esm.state_dict(), tmp_path / "esm" / "model.safetensors")
    esm.config.save_pretrained(tmp_path / "esm")
    assert json.loads((tmp_path / "esm" / "config.json").read_text())["version"] == "0.1.0"
    ours = EsmArtifact.read(tmp_path / "esm")
    again = ours.write(tmp_path / "again")
    esm.convert_legacy_to_new()
    check_equal(esm, ours)
    check_equal(hfselect.ESM.from_pretrained(str(again)), ours)


def check_equal(esm, ours):
    assert ours.config.base_model == "org/model"
    assert ours.config.dimension == D
    assert ours.config.task.text_columns == ("premise", "hypothesis")
    assert ours.config.recipe.lm_learning_rate == 2e-5
    np.testing.assert_array_equal(ours.map.weight, esm.model.weight.detach().numpy())
    np.testing.assert_array_equal(ours.map.bias, esm.model.bias.detach().numpy())
