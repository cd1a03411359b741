"""Users of one registry, each with a private namespace of their own, over plain HTTP."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
from support.artifacts import upload
from support.registry import RunningRegistry

from esm_client.core.artifact.directory import EsmArtifact, directory_manifest
from esm_client.core.artifact.manifest import digest_bytes


@dataclass(frozen=True)
class Party:
    """One user, who is the admin of their namespace and has a write token."""

    user: str
    namespace: str
    client: httpx.Client
    root: httpx.Client

    def blob(self, digest: str, namespace: str | None = None) -> str:
        return f"/v1/namespaces/{namespace or self.namespace}/blobs/{digest}"

    def send(self, content: bytes, namespace: str | None = None) -> httpx.Response:
        return self.client.put(self.blob(digest_bytes(content), namespace), content=content)

    def head(self, digest: str, namespace: str | None = None) -> httpx.Response:
        return self.client.head(self.blob(digest, namespace))

    def commit(
        self, directory: Path, name: str = "esm", namespace: str | None = None
    ) -> httpx.Response:
        """Name the files of a directory without sending any."""
        body = {**version_of(directory), "space": "possession"}
        return self.client.post(
            f"/v1/esms/{namespace or self.namespace}/{name}/versions", json=body
        )

    def push(self, directory: Path, name: str = "esm") -> dict[str, Any]:
        """Send and name them; the version."""
        upload(self.client, directory, self.namespace)
        response = self.commit(directory, name)
        assert response.status_code == 201, response.text
        return response.json()

    def attach(self, files: dict[str, bytes], name: str = "esm") -> httpx.Response:
        """Name the files of a source model without sending any."""
        path = f"/v1/esms/{self.namespace}/{name}/versions/latest/source-model"
        listed = {n: {"sha256": digest_bytes(c), "size": len(c)} for n, c in files.items()}
        return self.client.put(path, json={"files": listed})

    def admit(self, other: "Party", role: str = "writer") -> None:
        path = f"/v1/namespaces/{self.namespace}/members/{other.user}"
        self.root.put(path, json={"role": role}).raise_for_status()

    def expel(self, other: "Party") -> None:
        path = f"/v1/namespaces/{self.namespace}/members/{other.user}"
        self.root.delete(path).raise_for_status()


def version_of(directory: Path) -> dict[str, Any]:
    """What a commit says of a directory."""
    fingerprint = EsmArtifact.read(directory).fingerprint
    assert fingerprint is not None
    manifest = directory_manifest(directory)[0]
    return {
        "manifest": manifest.model_dump(mode="json"),
        "fingerprint": fingerprint.model_dump(mode="json"),
    }


def contents(directory: Path) -> dict[str, bytes]:
    """The files that a commit names, by name."""
    return {
        name: (directory / name).read_bytes() for name in directory_manifest(directory)[0].files
    }


@contextmanager
def parties(registry: RunningRegistry) -> Iterator[Callable[[], Party]]:
    """A function that makes another one."""
    with ExitStack() as stack:
        root = stack.enter_context(registry.client(registry.admin_token))

        def make() -> Party:
            name = f"p-{uuid4().hex[:10]}"
            body = {"name": "own", "scope": "write", "user": name}
            token = root.post("/v1/tokens", json=body).raise_for_status().json()
            body = {"name": name, "private": True}
            root.post("/v1/namespaces", json=body).raise_for_status()
            member = f"/v1/namespaces/{name}/members/{name}"
            root.put(member, json={"role": "admin"}).raise_for_status()
            client = stack.enter_context(registry.client(token["secret"]))
            return Party(name, name, client, root)

        yield make
