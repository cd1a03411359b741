"""Servers with settings of their own, one for all tests of a file."""

from collections.abc import Callable, Iterator

import pytest
from support.registry import RunningRegistry


@pytest.fixture(name="registry_of", scope="module")
def _registry_of(tmp_path_factory) -> Iterator[Callable[[dict[str, str]], RunningRegistry]]:
    """registry_of(env) -> a running server."""
    started: list[RunningRegistry] = []

    def start(env: dict[str, str]) -> RunningRegistry:
        started.append(RunningRegistry(tmp_path_factory.mktemp("registry"), env))
        return started[-1]

    yield start
    for running in started:
        running.kill()
