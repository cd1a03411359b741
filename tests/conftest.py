"""Shared fixtures: a real server process, and small valid ESM directories."""

import support.environment  # noqa: F401 - before torch, numpy and the hub are imported

# isort: split
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from support.artifacts import make_esm
from support.registry import RunningRegistry

# Else each of the many processes that tests start would compile all of our sources anew.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False
RunningRegistry.forks = True


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep the tests of a file on one worker (pytest -n 2 --dist loadgroup), with its fixtures.

    Those of another group are together across files: xdist_group("serial") is for what measures
    time or memory, xdist_group("servers") for what needs PostgreSQL or S3, which then start once.
    """
    for item in items:
        if item.get_closest_marker("xdist_group") is None:
            item.add_marker(pytest.mark.xdist_group(item.path.stem))


@pytest.fixture(scope="session", autouse=True)
def _records_of_tests(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What clients note of rankings never lies among the records of whoever runs the tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_DATA_HOME", str(tmp_path_factory.mktemp("data")))
        yield


StartRegistry = Callable[..., RunningRegistry]


@pytest.fixture(name="start_registry")
def _start_registry(tmp_path: Path) -> Iterator[StartRegistry]:
    """Start private servers: start_registry(data_dir=..., env=...)."""
    started: list[RunningRegistry] = []

    def start(
        data_dir: Path | None = None, env: dict[str, str] | None = None, **how: Any
    ) -> RunningRegistry:
        running = RunningRegistry(data_dir or tmp_path / "registry", env, **how)
        started.append(running)
        return running

    yield start
    for running in started:
        running.kill()


@pytest.fixture(name="registry", scope="session")
def _registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningRegistry]:
    """One server for the whole session; tests use names of their own in it."""
    running = RunningRegistry(tmp_path_factory.mktemp("registry"))
    yield running
    running.kill()


@pytest.fixture(name="unique")
def _unique() -> str:
    """A name nobody else uses in the shared server."""
    return f"t-{uuid4().hex[:12]}"


MakeEsm = Callable[..., Path]


@pytest.fixture(name="esm_directory")
def _esm_directory(tmp_path: Path) -> MakeEsm:
    """Write small valid ESMs: esm_directory("name", dimension=16, ...), as `make_esm` does."""
    return lambda *arguments, **options: make_esm(tmp_path, *arguments, **options)
