"""Pushing over plain HTTP, so that the server is tested without the client."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from support.artifacts import publish
from support.people import Holder, World

Push = Callable[..., httpx.Response]


@pytest.fixture(name="push")
def _push(registry) -> Push:
    """push(directory, "namespace/name", space=None, server=None, ...) -> response."""

    def push(directory: Path, path: str, server=None, **fields: Any) -> httpx.Response:
        return publish(server or registry, directory, path, **fields)

    return push


@pytest.fixture(name="world")
def _world(registry, unique, tmp_path) -> World:
    """Two private namespaces of the shared server, and those who administer them."""
    return World(registry, unique, tmp_path)


@pytest.fixture(name="ci")
def _ci(world) -> Holder:
    """The robot ci of our namespace."""
    return world.anna.makes_robot("ci", world.ours)


def assert_problem(response: httpx.Response, status: int, code: str) -> dict[str, Any]:
    """The one error shape; returns the problem."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    problem = response.json()
    assert set(problem) == {"type", "title", "status", "detail", "code", "hint", "request_id"}
    assert problem["status"] == status
    assert problem["code"] == code, problem
    assert problem["detail"]
    assert problem["request_id"] == response.headers["x-request-id"]
    return problem


@pytest.fixture(name="problem")
def _problem() -> Callable[[httpx.Response, int, str], dict[str, Any]]:
    """problem(response, status, code) asserts the error shape and returns the document."""
    return assert_problem
