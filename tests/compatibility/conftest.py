"""An installed earlier edition, ours beside it, and something to push and to rank."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from compatibility.editions import ROOT, Edition, Server, install, unpack

COMMIT = "c862ab7"
Serve = Callable[[Edition], Server]


@pytest.fixture(name="source", scope="session")
def _source(tmp_path_factory) -> Path:
    """The earlier edition's files; without its history a test is skipped, and fails in CI."""
    source = unpack(COMMIT, tmp_path_factory.mktemp("earlier"))
    if source is None:
        missing = f"commit {COMMIT} is not in the history of this checkout"
        if os.environ.get("CI"):
            pytest.fail(f"{missing}: fetch all of it")
        pytest.skip(missing)
    return source


@pytest.fixture(name="packages", scope="session")
def _packages(source) -> Path:
    """Where the earlier edition is installed."""
    return install(source, source.parent)


@pytest.fixture(name="home")
def _home(tmp_path) -> Path:
    """The home directory of one user, who updates the product."""
    home = tmp_path / "home"
    home.mkdir()
    return home


@pytest.fixture(name="old")
def _old(packages, home) -> Edition:
    return Edition((str(packages),), home)


@pytest.fixture(name="new")
def _new(home) -> Edition:
    return Edition((str(ROOT / "client"), str(ROOT / "server")), home)


@pytest.fixture(name="serve")
def _serve(tmp_path) -> Iterator[Serve]:
    """serve(edition): a server of that edition, always on the same data."""
    data_dir, started = tmp_path / "registry", []

    def serve(edition: Edition) -> Server:
        server = edition.serve(data_dir)
        started.append(server)
        options = ("--user", "anna", "--name", f"token-{len(started)}", "--scope", "write")
        server.token = edition.server_command(
            "token", "create", *options, "--data-dir", data_dir
        ).strip()
        return server

    yield serve
    for server in started:
        server.stop()


@pytest.fixture(name="esms")
def _esms(old, tmp_path) -> Path:
    """Three ESM directories, as the earlier edition writes them."""
    folder = tmp_path / "esms"
    old.python(Path(__file__).with_name("write_esms.py"), folder)
    return folder


@pytest.fixture(name="target")
def _target(tmp_path) -> tuple[str, ...]:
    """Options of `rank`: embeddings, and two classes that one coordinate tells apart."""
    embeddings = np.random.default_rng(0).standard_normal((200, 16))
    np.save(tmp_path / "X.npy", embeddings)
    np.save(tmp_path / "y.npy", (embeddings[:, 0] > 0).astype(int))
    return ("--embeddings", str(tmp_path / "X.npy"), "--labels", str(tmp_path / "y.npy"))
