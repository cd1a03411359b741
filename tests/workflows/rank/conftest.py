"""A user with a registry, a tiny base model, and what is ranked for."""

import numpy as np
import pytest
import torch
from docs.demo.base_model import base_model_path
from transformers import AutoTokenizer, BertConfig, BertModel

from esm_client import (
    Client,
    Embedder,
    TextTask,
)
from esm_client.core.artifact.directory import EsmArtifact
from esm_client.core.schemas import SourceTask

WORDS = ("good", "kind", "warm", "bad", "cold", "rude")


@pytest.fixture(name="client")
def _client(registry, tmp_path, monkeypatch):
    """A client of a user who named the registry, and whose files are this test's own."""
    for name in ("CONFIG", "CACHE", "DATA"):
        monkeypatch.setenv(f"XDG_{name}_HOME", str(tmp_path / name.lower()))
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.null.Keyring")
    monkeypatch.setenv("ESM_REGISTRY_URL", registry.url)
    monkeypatch.setenv("ESM_REGISTRY_TOKEN", registry.write_token)
    with Client() as client:
        yield client


@pytest.fixture(name="arrays")
def _arrays():
    """Embeddings (60, 16) and two classes."""
    x = np.random.default_rng(1).standard_normal((60, 16))
    return x, (x[:, 0] > 0).astype(int)


@pytest.fixture(name="published")
def _published(client, esm_directory, unique):
    """Three ESMs of 16 dimensions; the name of their space."""
    for seed in range(3):
        client.push(esm_directory(f"e{seed}", seed=seed), f"{unique}/e{seed}", space=unique)
    return unique


@pytest.fixture(name="embedder", scope="module")
def _embedder():
    """Of one layer and 16 dimensions, with random weights."""
    tokenizer = AutoTokenizer.from_pretrained(base_model_path())
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(tokenizer), hidden_size=16, num_hidden_layers=1, num_attention_heads=2,
        intermediate_size=16,
    )  # fmt: skip
    return Embedder.from_model(BertModel(config).eval(), tokenizer, base_model="test-org/random")


@pytest.fixture(name="task", scope="module")
def _task():
    """Forty short texts of two classes."""
    texts = [f"{WORDS[n % 6]} service number {n}" for n in range(40)]
    labels = np.array([n % 6 // 3 for n in range(40)])
    return TextTask(texts, labels, "classification", SourceTask(data_set="hotels"))


@pytest.fixture(name="embedded")
def _embedded(client, esm_directory, embedder, unique, tmp_path):
    """Three ESMs of the tiny base model's space; the name of that space."""
    canaries = np.array(embedder.fingerprint.canaries, dtype=np.float32)
    for seed in range(3):
        made = EsmArtifact.read(esm_directory(f"plain{seed}", seed=seed))
        changed = EsmArtifact(
            made.config.model_copy(
                update={"space": embedder.identity, "base_model": "test-org/random"}
            ),
            made.map, {**made.summary, "canaries": canaries}, made.card, made.provenance,
        )  # fmt: skip
        folder = changed.write(tmp_path / "esms" / f"e{seed}")
        client.push(folder, f"{unique}/e{seed}", space=unique)
    return unique
