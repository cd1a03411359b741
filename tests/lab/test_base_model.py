import hashlib
import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from support.tiny_bert import LAYERS
from transformers import BertConfig, BertForMaskedLM, BertModel

from esm_client.core.errors import InvalidInput, MissingExtra, UnsafeFile, UnsafeModel
from esm_client.lab import base_model, extras
from esm_client.lab.base_model import find_base_model, load_base_model
from esm_client.lab.embedding import Embedder


def edit(path: Path, **changes):
    document = json.loads(path.read_text())
    path.write_text(json.dumps(document | changes))


@pytest.mark.parametrize("name", ["config.json", "tokenizer_config.json"])
def test_remote_code_is_refused_before_anything_is_loaded(copied_model, monkeypatch, name):
    monkeypatch.setattr(base_model, "load_base_model", lambda *_: pytest.fail("loaded"))
    edit(copied_model / name, auto_map={"AutoModel": "modeling.Evil"})
    (copied_model / "modeling.py").write_text("raise SystemExit('ran')")
    with pytest.raises(UnsafeModel, match=f"{name} asks to run Python code.*auto_map"):
        Embedder(copied_model)


def test_compiled_code_from_a_hub_is_refused(copied_model):
    edit(copied_model / "config.json", attn_implementation="some-org/some-kernel")
    with pytest.raises(UnsafeModel, match=r"compiled code.*attn_implementation"):
        Embedder(copied_model)


def test_pickle_weights_are_refused(copied_model):
    (copied_model / "model.safetensors").unlink()
    (copied_model / "pytorch_model.bin").write_bytes(b"\x80\x04never read")
    with pytest.raises(UnsafeFile, match=r"pytorch_model\.bin.*may run code"):
        Embedder(copied_model)


def test_a_folder_without_weights_or_configuration_says_so(copied_model):
    (copied_model / "model.safetensors").unlink()
    with pytest.raises(InvalidInput, match="no weights"):
        Embedder(copied_model)
    (copied_model / "config.json").unlink()
    with pytest.raises(InvalidInput, match=r"no config\.json"):
        Embedder(copied_model)


@pytest.mark.parametrize("text", ["{", "[]", '{"model_type": "no-such-type"}', "{}"])
def test_a_broken_configuration_is_an_error_of_ours(copied_model, text):
    (copied_model / "config.json").write_text(text)
    with pytest.raises(InvalidInput, match=r"cannot be (read|loaded)"):
        Embedder(copied_model)


def test_truncated_weights_are_an_error_of_ours(copied_model):
    weights = copied_model / "model.safetensors"
    data = weights.read_bytes()[:100_000]
    weights.unlink()
    weights.write_bytes(data)
    with pytest.raises(InvalidInput, match="cannot be loaded"):
        Embedder(copied_model)


def test_weights_that_lack_a_layer_are_refused(copied_model):
    edit(copied_model / "config.json", num_hidden_layers=LAYERS + 2)
    with pytest.raises(InvalidInput, match=rf"lack 'encoder\.layer\.{LAYERS}"):
        Embedder(copied_model)


def test_a_pooler_that_the_weights_lack_is_not_made_up(copied_model, tmp_path):
    config = BertConfig(
        hidden_size=32, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32
    )
    BertForMaskedLM(config).save_pretrained(tmp_path / "mlm")
    for file in ("tokenizer.json", "tokenizer_config.json"):
        (tmp_path / "mlm" / file).write_bytes((copied_model / file).read_bytes())
    assert Embedder(tmp_path / "mlm", device="cpu").identity.dimension == 32
    with pytest.raises(InvalidInput, match=r"lack 'pooler\.dense.*another pooling"):
        Embedder(tmp_path / "mlm", pooling="pooler")


def test_half_precision_weights_are_computed_in_float32(copied_model, tmp_path):
    config = BertConfig(
        hidden_size=32, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32
    )
    BertModel(config).to(torch.bfloat16).save_pretrained(tmp_path / "half")
    for file in ("tokenizer.json", "tokenizer_config.json"):
        (tmp_path / "half" / file).write_bytes((copied_model / file).read_bytes())
    model, _ = load_base_model(find_base_model(tmp_path / "half"), "mean")
    assert model.dtype == torch.float32


@pytest.mark.parametrize("path", ["/no/such/folder", "./no-such", "../x", "a b", "C:\\models"])
def test_a_missing_path_is_named(path):
    with pytest.raises(InvalidInput, match="There is no folder"):
        Embedder(path)


def test_a_hub_is_not_asked_when_offline(monkeypatch, tmp_path):
    import huggingface_hub

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(InvalidInput, match=r"no folder 'some-org/some-model'.*hub was not asked"):
        Embedder("some-org/some-model")


def test_a_model_in_the_hubs_cache_is_found_by_its_id(monkeypatch, tmp_path, copied_model):
    import huggingface_hub

    commit = "0123456789abcdef0123456789abcdef01234567"
    repository = tmp_path / "models--some-org--minilm"
    (repository / "refs").mkdir(parents=True)
    (repository / "refs" / "main").write_text(commit)
    (repository / "snapshots").mkdir()
    copied_model.rename(repository / "snapshots" / commit)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    original = huggingface_hub.snapshot_download
    monkeypatch.setattr(
        huggingface_hub,
        "snapshot_download",
        lambda *args, **options: original(*args, **options, cache_dir=tmp_path),
    )
    for wanted in ("some-org/minilm", repository / "snapshots" / commit):
        found = find_base_model(wanted)
        assert (found.name, found.revision) == ("some-org/minilm", commit)


def test_the_name_is_the_folders_and_never_its_path(copied_model):
    assert find_base_model(copied_model).name == "copied"
    named = Embedder(copied_model, device="cpu", name="team/minilm", revision="v2")
    assert (named.identity.base_model, named.identity.revision) == ("team/minilm", "v2")


def test_digests_follow_the_files(copied_model):
    before = find_base_model(copied_model)
    tokenizer_digest = before.tokenizer_digest
    weights = (copied_model / "model.safetensors").read_bytes()
    assert before.weight_digest == f"sha256:{hashlib.sha256(weights).hexdigest()}"
    (copied_model / "tokenizer.json").unlink()
    assert find_base_model(copied_model).tokenizer_digest not in (None, tokenizer_digest)
    (copied_model / "vocab.txt").unlink()
    assert find_base_model(copied_model).tokenizer_digest is None
    (copied_model / "model.safetensors").unlink()
    for shard in ("a", "b"):
        (copied_model / f"model-{shard}.safetensors").write_bytes(shard.encode())
    assert find_base_model(copied_model).weight_digest.startswith("sha256:")


def test_loading_says_nothing(model_folder, capfd):
    Embedder(model_folder, device="cpu")
    assert capfd.readouterr() == ("", "")


def test_a_missing_library_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(MissingExtra, match=r'pip install "esm-registry\[torch\]"'):
        extras.require("torch")
    with pytest.raises(MissingExtra, match="torch cannot be imported"):
        Embedder("/no/such/folder")


def test_importing_the_lab_imports_no_heavy_library():
    code = (
        "import sys, esm_client.lab.training.train, esm_client.lab.data.loading;"
        "print([m for m in ('torch','transformers','datasets','pyarrow') if m in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"
