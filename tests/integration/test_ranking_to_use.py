"""From a ranking to the use of its winner: train, push with the source model, rank, pull, load."""

import json
import os
import signal
import subprocess
import sys
import time
from uuid import uuid4

import numpy as np
import pytest
from support.commands import run_here
from support.tiny_bert import write_tiny_bert

from esm_client import Client
from esm_client.core import errors
from esm_client.core.artifact.manifest import digest_file

pytest.importorskip("torch")


@pytest.fixture(name="base_model")
def _base_model(tmp_path):
    return write_tiny_bert(tmp_path / "base" / "tiny")


@pytest.fixture(name="namespace")
def _namespace():
    return f"n-{uuid4().hex[:12]}"


@pytest.fixture(name="environment")
def _environment(registry, tmp_path):
    kept = {key: value for key, value in os.environ.items() if not key.startswith("ESM_")}
    return {
        **kept,
        "ESM_REGISTRY_URL": registry.url,
        "ESM_REGISTRY_TOKEN": registry.write_token,
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
        "XDG_DATA_HOME": str(tmp_path / "data"),
        "XDG_CONFIG_HOME": str(tmp_path / "config"),
        "OMP_NUM_THREADS": "1",
    }


@pytest.fixture(name="run")
def _run(environment, tmp_path):
    def run(*arguments):
        result = run_here(arguments, env=environment, cwd=tmp_path)
        assert result.returncode == 0, result.stderr
        return result

    return run


def test_the_winner_can_be_used(run, tmp_path, base_model, namespace):
    from transformers import AutoModel, AutoTokenizer

    for name, thing in (("source", "room"), ("target", "meal")):
        rows = [
            {"text": f"The {thing} number {i} was {'lovely' if i % 2 else 'awful'}", "label": i % 2}
            for i in range(40)
        ]
        path = tmp_path / f"{name}.jsonl"
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    columns = ("--text-column", "text", "--label-column", "label")
    run(
        "train", "source.jsonl", *columns, "--base-model", base_model, "--output", "esm",
        "--epochs", "1", "--keep-model", "model", "--location", "hub/rooms", "--licence", "mit",
    )  # fmt: skip
    pushed = run("push", "esm", f"{namespace}/rooms", "--source-model", "model", "--revision", "v1")
    assert "warning" not in pushed.stderr
    version = json.loads(run("show", f"{namespace}/rooms", "--json").stdout)
    assert version["source"]["location"] == "hub/rooms"
    run("spaces", "map", version["space"], base_model)  # rank then finds it by itself
    ranked = run("rank", "target.jsonl", *columns, "--space", version["space"])
    assert "Its data set: hub/rooms at v1 (mit)" in ranked.stdout
    best = ranked.stdout.splitlines()[2].split()[1]
    command = f"esm-client pull {best} --source-model"
    assert f"Its source model: {command}" in ranked.stdout
    run(*command.split()[1:-1], "pulled", "--source-model")
    assert {p.name for p in (tmp_path / "pulled").iterdir()} >= {"config.json", "head.safetensors"}
    texts = AutoTokenizer.from_pretrained(tmp_path / "pulled")("A lovely room", return_tensors="pt")
    vectors = [
        AutoModel.from_pretrained(tmp_path / name)(**texts).last_hidden_state.detach().numpy()
        for name in ("model", "pulled")
    ]
    assert np.array_equal(*vectors)


def large_model(folder, size):
    """A model folder with incompressible weights, as config.json and model.safetensors."""
    from safetensors.numpy import save_file

    folder.mkdir()
    (folder / "config.json").write_text('{"model_type": "bert"}')
    weights = np.random.default_rng(1).integers(0, 255, size, dtype=np.uint8)
    save_file({"weights": weights}, folder / "model.safetensors")
    return folder


def pushing(environment, reference, folder):
    code = "import sys; from esm_client import Client; Client().push_source_model(*sys.argv[1:])"
    return subprocess.Popen([sys.executable, "-c", code, reference, str(folder)], env=environment)


@pytest.mark.slow
@pytest.mark.process
@pytest.mark.xdist_group("serial")
def test_a_killed_upload_goes_on_where_it_stopped(
    registry, environment, esm_directory, namespace, tmp_path
):
    folder = large_model(tmp_path / "model", 300 * 2**20)
    weights = folder / "model.safetensors"
    path = f"/v1/namespaces/{namespace}/blobs/{digest_file(weights)}"
    with Client(registry.url, registry.write_token) as client:
        client.push(esm_directory(), f"{namespace}/x", space=namespace)
        process = pushing(environment, f"{namespace}/x", folder)
        kept = wait_for(registry, path, 20 * 2**20)
        process.send_signal(signal.SIGKILL)
        process.wait()
        deadline = time.monotonic() + 20
        while (now := offset(registry, path)) != kept and time.monotonic() < deadline:
            kept = now
            time.sleep(0.3)
        assert 0 < kept < weights.stat().st_size
        seen = []
        client.push_source_model(f"{namespace}/x", folder, lambda *done: seen.append(done))
        starts = [done for name, done, _ in seen if name == "model.safetensors"]
        assert starts[0] >= kept  # what was there did not travel again
        pulled = client.pull_source_model(f"{namespace}/x", tmp_path / "pulled")
    assert digest_file(pulled / "model.safetensors") == digest_file(weights)


@pytest.mark.slow
@pytest.mark.process
@pytest.mark.xdist_group("serial")
def test_a_killed_server_keeps_what_arrived(start_registry, esm_directory, tmp_path):
    running = start_registry()
    folder = large_model(tmp_path / "model", 300 * 2**20)
    weights = folder / "model.safetensors"
    path = f"/v1/namespaces/team/blobs/{digest_file(weights)}"
    with Client(running.url, running.write_token) as client:
        client.push(esm_directory(), "team/x", space="s")
    environment = {
        **os.environ, "ESM_REGISTRY_URL": running.url, "ESM_REGISTRY_TOKEN": running.write_token,
    }  # fmt: skip
    process = pushing(environment, "team/x", folder)
    wait_for(running, path, 20 * 2**20)
    running.kill()
    process.kill()
    process.wait()
    again = start_registry(running.data_dir)
    kept = offset(again, path, running.write_token)
    assert kept >= 20 * 2**20
    seen = []
    with Client(again.url, running.write_token) as client:
        client.push_source_model("team/x", folder, lambda *done: seen.append(done))
        assert next(d for name, d, _ in seen if name == "model.safetensors") == kept
        assert client.show("team/x").source_model is not None


def offset(registry, path, token=None):
    with registry.client(token or registry.write_token) as client:
        return int(client.head(path).headers.get("Upload-Offset", 0))


def wait_for(registry, path, size):
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if (kept := offset(registry, path)) >= size:
            return kept
        time.sleep(0.01)
    raise AssertionError("nothing arrived")


@pytest.mark.parametrize(
    ("spoil", "error"),
    [
        (lambda d: (d / "model.safetensors").rename(d / "pytorch_model.bin"), errors.UnsafeFile),
        (lambda d: (d / "config.json").write_text('{"auto_map": {}}'), errors.UnsafeModel),
        (lambda d: (d / "config.json").unlink(), errors.InvalidArtifact),
        (lambda d: os.truncate(d / "model.safetensors", 1000), errors.InvalidArtifact),
        (lambda d: (d / "model.safetensors").write_bytes(b"\xff" * 64), errors.InvalidArtifact),
    ],
)
def test_what_is_no_source_model(registry, esm_directory, namespace, tmp_path, spoil, error):
    folder = large_model(tmp_path / "model", 4096)
    spoil(folder)
    with Client(registry.url, registry.write_token) as client:
        client.push(esm_directory(), f"{namespace}/x", space=namespace)
        with pytest.raises(error):
            client.push_source_model(f"{namespace}/x", folder)
        assert client.show(f"{namespace}/x").source_model is None


def test_another_model_for_the_same_version(registry, esm_directory, namespace, tmp_path):
    first = large_model(tmp_path / "one", 4096)
    other = large_model(tmp_path / "two", 8192)
    with Client(registry.url, registry.admin_token) as client:
        client.push(esm_directory(), f"{namespace}/x", space=namespace)
        client.push_source_model(f"{namespace}/x", first)
        client.push_source_model(f"{namespace}/x", first)
        with pytest.raises(errors.Conflict, match="another source model"):
            client.push_source_model(f"{namespace}/x", other)
        client.esms.detach(f"{namespace}/x")
        with pytest.raises(errors.NotFound, match="no stored source model"):
            client.pull_source_model(f"{namespace}/x", tmp_path / "p")
        client.push_source_model(f"{namespace}/x", other)
