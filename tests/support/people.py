"""People, robots and namespaces of a test, and what each of them may do with a token."""

import base64
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import numpy as np
from support.artifacts import make_esm, publish
from support.registry import RunningRegistry

from esm_client.core.artifact.directory import EsmArtifact
from esm_client.core.scoring.sketch import TargetSketch


def ranking_of(space: str, seed: int = 0, **fields: Any) -> dict[str, Any]:
    """The body of a ranking request for a target of 16 dimensions."""
    embeddings = np.random.default_rng(seed).standard_normal((20, 16))
    sketch = TargetSketch.from_embeddings(embeddings, np.arange(20) % 2, kind="classification")
    return {"space": space, "sketch": base64.b64encode(sketch.to_bytes()).decode(), **fields}


class Holder:
    """Somebody with a token; `token` is the document that told of it, where there was one."""

    def __init__(
        self, registry: RunningRegistry, secret: str, token: dict[str, Any] | None = None
    ) -> None:
        self.registry, self.write_token = registry, secret
        self.token = token or {}

    @property
    def secret(self) -> str:
        return self.write_token

    @property
    def name(self) -> str:
        """The user's."""
        return self.get("/v1/whoami").json()["name"]

    def client(self, secret: str | None = None) -> httpx.Client:
        return self.registry.client(secret or self.secret)

    def send(self, method: str, path: str, json: Any = None) -> httpx.Response:
        with self.client() as client:
            return client.request(method, path, json=json)

    def get(self, path: str) -> httpx.Response:
        return self.send("GET", path)

    def post(self, path: str, json: Any = None) -> httpx.Response:
        return self.send("POST", path, json)

    def patch(self, path: str, json: Any) -> httpx.Response:
        return self.send("PATCH", path, json)

    def delete(self, path: str) -> httpx.Response:
        return self.send("DELETE", path)

    def asks_for_token(self, scope: str = "admin", **more: Any) -> httpx.Response:
        """The answer to a request for a token, of a new name unless one is given."""
        body = {"name": f"t-{uuid4().hex[:8]}", "scope": scope, **more}
        return self.post("/v1/tokens", body)

    def makes_token(self, scope: str = "admin", **more: Any) -> "Holder":
        """The holder of a new token."""
        response = self.asks_for_token(scope, **more)
        assert response.status_code == 201, response.text
        document = response.json()
        return Holder(self.registry, document["secret"], document)

    def makes_robot(self, name: str, namespace: str, scope: str = "write", **more: Any) -> "Holder":
        """The holder of a token of a namespace's robot."""
        return self.makes_token(scope, user=name, kind="robot", namespace=namespace, **more)

    def rotates(self, other: "Holder") -> httpx.Response:
        return self.post(f"/v1/tokens/{other.token['id']}/rotate")

    def revokes(self, other: "Holder") -> httpx.Response:
        return self.delete(f"/v1/tokens/{other.token['id']}")

    def sets_member(self, namespace: str, user: str, role: str) -> httpx.Response:
        path = f"/v1/namespaces/{namespace}/members/{user}"
        return self.send("PUT", path, {"role": role})

    def pushes(self, directory: Path, path: str, **fields: Any) -> httpx.Response:
        response = publish(self, directory, path, **fields)
        assert response.status_code == 201, response.text
        return response

    def ranks(self, space: str, **fields: Any) -> dict[str, Any]:
        """The receipt of a ranking."""
        response = self.post("/v1/rankings", ranking_of(space, **fields))
        assert response.status_code == 201, response.text
        return response.json()

    def is_let_in(self) -> bool:
        response = self.get("/v1/whoami")
        assert response.status_code in (200, 401), response.text
        return response.status_code == 200


class World:
    """Two private namespaces with an ESM each, in one space.

    anna administers `ours`, mallory `theirs`, and boss, who made the space, both.
    """

    def __init__(self, registry: RunningRegistry, unique: str, folder: Path) -> None:
        self.registry, self.space, self.folder = registry, unique, folder
        self.ours, self.theirs = f"{unique}-ours", f"{unique}-theirs"
        self.root = Holder(registry, registry.admin_token)
        self.anna, self.mallory, self.boss = (
            self.root.makes_token(user=f"{name}-{unique}") for name in ("anna", "mallory", "boss")
        )
        members = ((self.ours, self.anna), (self.theirs, self.mallory))
        for number, (namespace, admin) in enumerate(members):
            body = {"name": namespace, "private": True}
            self.root.post("/v1/namespaces", body).raise_for_status()
            for who in (admin, self.boss):
                self.root.sets_member(namespace, who.token["user"], "admin").raise_for_status()
            self.boss.pushes(self.esm(number), f"{namespace}/esm", space=self.space)

    def esm(self, seed: int) -> Path:
        """A small ESM of the space."""
        return make_esm(self.folder, f"esm-{uuid4().hex[:8]}", seed=seed)

    def fingerprint(self) -> dict[str, Any]:
        """What a space of these ESMs is made with."""
        found = EsmArtifact.read(self.esm(99)).fingerprint
        assert found is not None
        return found.model_dump(mode="json")

    def is_admin(self, name: str) -> bool | None:
        """What the database says of a user; None for one who does not exist."""
        found = self.registry.query("SELECT is_admin FROM users WHERE name = :name", name=name)
        return bool(found[0][0]) if found else None

    def renames(self, robot: Holder, name: str, namespace: str | None = None) -> None:
        """Give a robot a name of its own, as those had from before robots had namespaces."""
        whole = robot.token["user"]
        self.registry.query(
            "UPDATE users SET name = :name, namespace = :namespace WHERE name = :whole",
            name=name, namespace=namespace, whole=whole,
        )  # fmt: skip
        robot.token["user"] = name
