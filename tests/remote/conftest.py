"""Clients of the session's registry, straight and through a relay."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from support.copied_target import CopiedTarget
from support.relay import Relay

from esm_client import Client


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch, tmp_path):
    """No setting of the machine reaches a test, and no test reaches the user's files."""
    for name in [name for name in os.environ if name.startswith("ESM_") or "PROXY" in name.upper()]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.null.Keyring")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))


@pytest.fixture(name="namespace")
def _namespace() -> str:
    """A namespace nobody else uses in the shared server."""
    return f"n-{uuid4().hex[:12]}"


@pytest.fixture(name="client")
def _client(registry) -> Iterator[Client]:
    with Client(registry.url, registry.write_token) as client:
        yield client


@pytest.fixture(name="start_relay")
def _start_relay() -> Iterator[Callable[..., Relay]]:
    started: list[Relay] = []

    def start(target: str | None = None) -> Relay:
        started.append(Relay(target))
        return started[-1]

    yield start
    for relay in started:
        relay.close()


@pytest.fixture(name="relay")
def _relay(start_relay, registry) -> Relay:
    """A relay to the session's registry."""
    return start_relay(registry.url)


@pytest.fixture(name="relayed")
def _relayed(relay, registry) -> Iterator[Client]:
    """A client that talks through the relay."""
    with Client(relay.url, registry.write_token) as client:
        yield client


@pytest.fixture(name="files")
def _files() -> Callable[[Path], dict[str, bytes]]:
    """files(directory): the content of every file."""
    return lambda directory: {path.name: path.read_bytes() for path in directory.iterdir()}


@pytest.fixture(name="copied")
def _copied(client, namespace, tmp_path) -> CopiedTarget:
    """A space in which a copy of the target scores best."""
    return CopiedTarget(client, namespace, tmp_path)


@pytest.fixture(name="records")
def _records(tmp_path) -> Path:
    """Where it is kept what the shield said of this user's rankings."""
    return tmp_path / "data" / "esm-registry" / "verdicts"


@pytest.fixture(name="another_machine")
def _another_machine(monkeypatch, tmp_path, registry) -> Iterator[Callable[..., Client]]:
    """another_machine(token): a client with a home of its own."""
    clients: list[Client] = []

    def start(token: str = "") -> Client:
        monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "elsewhere"))
        clients.append(Client(registry.url, token or registry.write_token))
        return clients[-1]

    yield start
    for client in clients:
        client.close()
