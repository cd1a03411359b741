"""A registry with a few ESMs, its parts, and its commands as functions."""

import base64
import json
from pathlib import Path

import numpy as np
import pytest

from esm_client.core.artifact.directory import EsmArtifact
from esm_client.core.scoring.sketch import TargetSketch
from esm_server.operations.opening import opened

SPACE = "space"


def with_texts(directory: Path, target: Path, seed: int) -> Path:
    """The same ESM with a mean text embedding."""
    made = EsmArtifact.read(directory)
    texts = np.random.default_rng(seed).standard_normal(16).astype(np.float32)
    summary = {**made.summary, "text_embedding": texts}
    return EsmArtifact(made.config, made.map, summary, made.card, made.provenance).write(target)


@pytest.fixture(name="filled")
def _filled(start_registry, push, esm_directory, tmp_path):
    """A running server with two versions of n/a, and n/b and n/c, which tells of its texts."""
    running = start_registry()
    for seed, name in enumerate(["a", "a", "b", "c"]):
        directory = esm_directory(f"{name}{seed}", seed=seed, rows=[["one"], ["two"]])
        if name == "c":
            directory = with_texts(directory, tmp_path / "with-texts", seed)
        push(directory, f"n/{name}", server=running, space=SPACE).raise_for_status()
    with running.client(running.admin_token) as client:
        client.put("/v1/esms/n/a/aliases/stable", json={"version": 1}).raise_for_status()
        changes = {"tags": ["good"], "description": "reviews"}
        client.patch("/v1/esms/n/a", json=changes).raise_for_status()
    return running


@pytest.fixture(name="parts")
def _parts():
    """parts(running) opens what its commands would open."""
    return lambda running: opened(running.settings)


@pytest.fixture(name="command")
def _command():
    """command(running, *words, status=0) runs a command with --json; its document."""

    def run(running, *words, status=0, data_dir=None, env=None):
        result = running.run_command(*words, "--json", data_dir=data_dir, env=env)
        assert result.returncode == status, (result.stdout, result.stderr)
        assert "Traceback" not in result.stderr
        return json.loads(result.stdout)

    return run


@pytest.fixture(name="refused")
def _refused():
    """refused(running, *words) runs a command that must fail; its two lines."""

    def run(running, *words, data_dir=None, env=None):
        result = running.run_command(*words, data_dir=data_dir, env=env)
        assert result.returncode == 1, (result.stdout, result.stderr)
        first, second = result.stderr.splitlines()
        assert first.startswith("error: ")
        assert second.startswith("  ")
        return first + second

    return run


@pytest.fixture(name="ranked")
def _ranked():
    """ranked(running) -> the rows of a ranking, always of the same sketch."""

    def rank(running):
        embeddings = np.random.default_rng(0).standard_normal((40, 16))
        sketch = TargetSketch.from_embeddings(embeddings, np.arange(40) % 2, kind="classification")
        body = {"space": SPACE, "sketch": base64.b64encode(sketch.to_bytes()).decode()}
        with running.client(running.read_token) as client:
            response = client.post("/v1/rankings", json=body)
        assert response.status_code == 201, response.text
        return [(row["reference"], row["score"]) for row in response.json()["rows"]]

    return rank
