"""Pushing over plain HTTP, so that the server is tested without the client."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from esm_client.core.artifact.directory import CARD, EsmArtifact, directory_manifest

Push = Callable[..., httpx.Response]


def upload(client: httpx.Client, directory: Path, namespace: str) -> dict[str, Any]:
    """Upload all files of a directory; the manifest as JSON."""
    manifest, _ = directory_manifest(directory)
    for name, entry in manifest.files.items():
        content = (directory / name).read_bytes()
        path = f"/v1/namespaces/{namespace}/blobs/{entry.sha256}"
        client.put(path, content=content).raise_for_status()
    return manifest.model_dump(mode="json")


@pytest.fixture(name="push")
def _push(registry) -> Push:
    """push(directory, "namespace/name", space=None, registry=None, ...) -> response."""

    def push(directory: Path, path: str, server=None, **fields: Any) -> httpx.Response:
        server = server or registry
        with server.client(server.write_token) as client:
            body: dict[str, Any] = {"manifest": upload(client, directory, path.split("/")[0])}
            body["card"] = (directory / CARD).read_text()
            fingerprint = EsmArtifact.read(directory).fingerprint
            if fingerprint is not None:
                body["fingerprint"] = fingerprint.model_dump(mode="json")
            body |= fields
            return client.post(f"/v1/esms/{path}/versions", json=body)

    return push


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
