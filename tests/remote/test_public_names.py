"""The public surface, and that importing it costs nothing."""

import os
import subprocess
import sys
from importlib import import_module

import pytest

import esm_client


def test_sorted_and_complete():
    assert sorted(esm_client.__all__) == list(esm_client.__all__)
    assert set(esm_client.__all__) == {*esm_client._HOMES, "__version__"}
    assert dir(esm_client) == list(esm_client.__all__)


@pytest.mark.parametrize("name", esm_client.__all__)
def test_importable(name):
    assert getattr(esm_client, name).__doc__


@pytest.mark.parametrize("name", sorted(esm_client._HOMES))
def test_home_is_public(name):
    home = getattr(esm_client, name).__module__
    assert home.startswith("esm_client.")
    assert not home.startswith("esm_client.cli")
    assert getattr(import_module(home), name) is getattr(esm_client, name)


def test_unknown_name():
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = esm_client.nothing


@pytest.mark.process
@pytest.mark.parametrize(
    ("statement", "absent"),
    [
        ("import esm_client", {"httpx", "numpy", "torch", "pydantic", "rich", "typer"}),
        ("from esm_client import Client", {"torch", "transformers", "pandas", "typer"}),
        ("import esm_client.cli.app", {"httpx", "torch", "transformers", "pandas"}),
    ],
)
def test_what_an_import_leaves_alone(statement, absent):
    code = f"{statement}; import sys; print(*sys.modules)"
    result = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert absent & set(result.stdout.split()) == set()
