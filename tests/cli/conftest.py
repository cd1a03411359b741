"""The command line as users meet it."""

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import numpy as np
import pytest
from docs.demo.base_model import base_model_path
from support.commands import Result, Run, failed, run_here, run_process
from support.relay import Relay
from support.tiny_bert import write_tiny_bert

from esm_client import Client


def user_environment(registry, home: Path) -> dict[str, str]:
    """A user with a token and a home of their own, and nothing of this machine's settings."""
    kept = {
        key: value
        for key, value in os.environ.items()
        if not key.startswith("ESM_") and "PROXY" not in key.upper()
    }
    return kept | {
        "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
        "XDG_CONFIG_HOME": str(home / "config"),
        "XDG_CACHE_HOME": str(home / "cache"),
        "XDG_DATA_HOME": str(home / "data"),
        "ESM_REGISTRY_URL": registry.url,
        "ESM_REGISTRY_TOKEN": registry.write_token,
        "PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring",
    }


@pytest.fixture(name="environment")
def _environment(registry, tmp_path) -> dict[str, str]:
    return user_environment(registry, tmp_path)


@pytest.fixture(name="esm")
def _esm(environment, tmp_path) -> Run:
    """esm("list", "--json", env={...}, stdin="...") -> what it printed, and its exit code."""

    def run(*arguments: object, env: dict[str, str] | None = None, **options: str) -> Result:
        return run_here(arguments, env=environment | (env or {}), cwd=tmp_path, **options)

    return run


@pytest.fixture(name="esm_process")
def _esm_process(environment, tmp_path) -> Run:
    """The same in a process of its own, for what is about processes."""

    def run(*arguments: object, env: dict[str, str] | None = None, **options: str) -> Result:
        return run_process(arguments, env=environment | (env or {}), cwd=tmp_path, **options)

    return run


@pytest.fixture(name="done")
def _done(esm) -> Callable[..., str]:
    """The same for commands that must succeed; returns stdout."""

    def run(*arguments: object, **options: object) -> str:
        result = esm(*arguments, **options)
        assert result.returncode == 0, result.stderr
        return result.stdout

    return run


@pytest.fixture(name="fails")
def _fails(esm) -> Callable[..., tuple[str, str]]:
    """The same for commands that must fail with 1 and two lines; returns these."""

    def run(*arguments: object, code: int = 1, **options: object) -> tuple[str, str]:
        return failed(esm(*arguments, **options), code)

    return run


@pytest.fixture(name="namespace")
def _namespace() -> str:
    """A namespace nobody else uses in the shared server."""
    return f"n-{uuid4().hex[:12]}"


@pytest.fixture(name="start_relay")
def _start_relay() -> Iterator[Callable[..., Relay]]:
    started: list[Relay] = []

    def start(target: str | None = None) -> Relay:
        started.append(Relay(target))
        return started[-1]

    yield start
    for relay in started:
        relay.close()


@pytest.fixture(name="pushed")
def _pushed(registry, esm_directory, namespace) -> str:
    """The reference of a pushed ESM, in a space of the same name as its namespace."""
    with Client(registry.url, registry.write_token) as client:
        client.push(esm_directory(), f"{namespace}/esm", space=namespace)
    return f"{namespace}/esm"


@pytest.fixture(name="arrays")
def _arrays(tmp_path) -> tuple[Path, Path]:
    """Embeddings (200, 16) and two classes that one coordinate tells apart."""
    embeddings = np.random.default_rng(0).standard_normal((200, 16))
    np.save(tmp_path / "X.npy", embeddings)
    np.save(tmp_path / "y.npy", (embeddings[:, 0] > 0).astype(int))
    return tmp_path / "X.npy", tmp_path / "y.npy"


@pytest.fixture(name="base_model", scope="session")
def _base_model(request, tmp_path_factory) -> Path:
    """The folder of a tiny base model; of MiniLM where a test asks for it (BOTH_MODELS)."""
    if getattr(request, "param", "tiny") == "minilm":
        return base_model_path()
    # of this seed, embeddings of forty reviews tell their labels apart a little
    return write_tiny_bert(tmp_path_factory.mktemp("base") / "tiny", seed=4)


@pytest.fixture(name="world", scope="session")
def _world(registry, base_model, tmp_path_factory):
    """Four real sources in a space, for `rank --method` (ranked_world.py)."""
    pytest.importorskip("torch")
    from cli.ranked_world import make_world

    return make_world(tmp_path_factory.mktemp("world"), registry, base_model)


@pytest.fixture(name="published", scope="session")
def _published(registry, base_model, tmp_path_factory):
    """A ranking of three sources on the server, for `transfer` (transfer_world.py)."""
    pytest.importorskip("torch")
    from cli.transfer_world import Published

    return Published(registry, tmp_path_factory.mktemp("published"), base_model)


@pytest.fixture(name="asked")
def _asked(published) -> tuple[str, ...]:
    """`transfer` of its target, with the base model and a quick recipe."""
    return published.asked
