"""A registry with a few ESMs, its parts, and its commands as functions."""

import base64
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from support.artifacts import make_esm, publish
from support.databases import ON_SERVERS
from support.registry import RunningRegistry
from support.rights import World
from support.storage import s3_server

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


@pytest.fixture(name="original", scope="session")
def _original(tmp_path_factory):
    """A stopped registry with two versions of n/a, and n/b and n/c, which tells of its texts.

    The ESMs lie beside it in `esms`, as they were pushed.
    """
    folder = tmp_path_factory.mktemp("original")
    running = RunningRegistry(folder / "registry")
    for seed, name in enumerate(["a", "a", "b", "c"]):
        directory = make_esm(folder / "esms", f"{name}{seed}", seed=seed, rows=[["one"], ["two"]])
        if name == "c":
            directory = with_texts(directory, folder / "esms" / "with-texts", seed)
        publish(running, directory, f"n/{name}", space=SPACE).raise_for_status()
    with running.client(running.admin_token) as client:
        client.put("/v1/esms/n/a/aliases/stable", json={"version": 1}).raise_for_status()
        changes = {"tags": ["good"], "description": "reviews"}
        client.patch("/v1/esms/n/a", json=changes).raise_for_status()
    assert running.stop() == 0
    return running


@pytest.fixture(name="filled")
def _filled(original, tmp_path):
    """A copy of it, which serves once it is asked over HTTP; the ESMs lie in `tmp_path`."""
    shutil.copytree(original.data_dir.parent / "esms", tmp_path, dirs_exist_ok=True)
    copy = RunningRegistry(tmp_path / "registry", copy_of=original)
    yield copy
    copy.kill()


@pytest.fixture(name="served")
def _served(filled):
    """The same, and its server runs."""
    return filled.start()


def model_of_b(filled):
    """The digest of the map of n/b, a file that nothing else names."""
    ((digest,),) = filled.query(
        "SELECT f.digest FROM version_files f JOIN esm_versions v ON v.id = f.version_id "
        "JOIN esms e ON e.id = v.esm_id WHERE e.name = 'b' AND f.name = 'model.safetensors'"
    )
    return digest


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
        run_it = running.run_process if words[0] == "serve" else running.run_command
        result = run_it(*words, data_dir=data_dir, env=env)
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


@pytest.fixture(name="granted", scope="session")
def _granted(original, tmp_path_factory):
    """A stopped registry whose people have rights; tests change copies of it."""
    world = World(original).copied(tmp_path_factory.mktemp("granted") / "registry")
    world.grant()
    assert world.running.stop() == 0
    return world


@pytest.fixture(name="taken", scope="session")
def _taken(granted, tmp_path_factory):
    """The same registry later, when some of them were taken; stopped too."""
    world = granted.copied(tmp_path_factory.mktemp("taken") / "registry")
    world.take()
    assert world.running.stop() == 0
    return world


@pytest.fixture(name="folder")
def _folder(tmp_path):
    """A place for backups."""
    return tmp_path / "backups"


@pytest.fixture(name="first")
def _first(granted, folder):
    """The name of a backup in it, of before something was taken."""
    return granted.command("backup", str(folder))["point"]


@pytest.fixture(name="words")
def _words(first, folder):
    """The words of a command that restores it."""
    return ("restore", str(folder), "--at", first)


@pytest.fixture(name="copy")
def _copy(granted, tmp_path):
    """The registry of before, to be changed."""
    return granted.copied(tmp_path / "registry")


@pytest.fixture(name="target", params=["folder", pytest.param("bucket", marks=ON_SERVERS)])
def _target(request, tmp_path):
    """A place for backups, as commands take it."""
    if request.param == "folder":
        return str(tmp_path / "backups")
    return f"s3://{s3_server().create_bucket()}/b"


@pytest.fixture(name="keys")
def _keys(target):
    """The environment that opens it."""
    return s3_server().backup_env() if target.startswith("s3:") else {}
