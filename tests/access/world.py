"""Things that exist before each request, whatever the one before did to them."""

import base64
from uuid import uuid4

import numpy as np
from access.actors import Actors
from access.endpoints import ENDPOINTS, SPACE, TOKEN
from support.people import Holder, ranking_of

from esm_client import Client, EsmArtifact
from esm_client.core.artifact.directory import directory_manifest


class World:
    """One server with the namespace team, whose things are made anew for each request."""

    def __init__(self, registry, root: Holder, actors: Actors, esm_directory, tmp_path):
        self.registry, self.root, self.actors = registry, root, actors
        self.cache = tmp_path / "cache"
        self.client = Client(registry.url, root.secret, cache_dir=self.cache)
        self.directory = esm_directory("esm")
        self.model = tmp_path / "model"
        self._write_model()

    def _write_model(self):
        from safetensors.numpy import save_file

        self.model.mkdir()
        (self.model / "config.json").write_text("{}")
        save_file({"x": np.zeros(3)}, self.model / "model.safetensors")

    def prepare(self, endpoint):
        """Path values; everything in them exists."""
        name = f"a-{uuid4().hex[:8]}"
        version = self.client.push(self.directory, f"team/{name}", space="space", force=True)
        attached = self.client.push_source_model(f"team/{name}", self.model)
        for alias in ("stable", "locked"):
            protected = alias == "locked"
            self.client.aliases.set(f"team/{name}", alias, 1, protected=protected)
        self.client.aliases.set(f"team/{name}", "stable", 1)
        if endpoint.path.endswith("/yank") and endpoint.method == "DELETE":
            self.client.esms.yank(f"team/{name}@1", "to be taken back")
        other = f"user-{uuid4().hex[:8]}"
        token = self.root.makes_token("read", user=other)
        self.client.namespaces.set_member("team", other, "reader")
        self.manifest = directory_manifest(self.directory)[0]
        self.files = {n: f.model_dump() for n, f in attached.source_model.files.items()}
        owner = self.actors.holders[endpoint.of or "root"]
        # a ranking takes longer than all the rest; the first endpoint stands for the commands
        needed = endpoint is ENDPOINTS[0] or "{ranking_id}" in endpoint.path
        ranking = owner.ranks("space") if needed else {}
        founded = endpoint.of and endpoint.path == SPACE
        if endpoint.of and endpoint.path.startswith(TOKEN):
            token = self.token_of(endpoint.of)
        return {
            "namespace": "team",
            "name": name,
            "selector": version.digest if "yank" in endpoint.path else "1",
            "alias": "stable",
            "filename": "config.json",
            "model_file": "config.json",
            "digest": self.manifest.files["config.json"].sha256,
            "space": self.founded_by(owner) if founded else "space",
            "user": other,
            "owner": owner.token.get("user", ""),
            "token_id": str(token.token["id"]),
            "ranking_id": ranking.get("id", ""),
            "metric_name": "accuracy",
            **endpoint.path_values,
        }

    def founded_by(self, owner: Holder) -> str:
        """A new space, which somebody's push into team makes."""
        space = f"s-{uuid4().hex[:8]}"
        with Client(self.registry.url, owner.secret, cache_dir=self.cache) as client:
            client.push(self.directory, f"team/{space}", space=space, force=True)
        return space

    def token_of(self, actor: str) -> Holder:
        """Another token like that of an actor."""
        if actor == "robot":
            return self.root.makes_robot("ci", "team")
        limit = {"limited here": "team"}.get(actor)
        return self.root.makes_token(user=self.actors.users["admin"], namespace=limit)

    def hand_over(self, response):
        """Take a namespace that was just made from its maker, who would else be an admin."""
        document = response.json() if response.is_success and response.content else {}
        if "quota_bytes" in document and document["created_by"] != "admin":
            name = document["name"]
            if name not in ("team", "elsewhere"):
                self.client.namespaces.set_member(name, "stranger", "admin")
                if document["created_by"] != "stranger":
                    self.client.namespaces.remove_member(name, document["created_by"])

    def names(self, command, tmp_path):
        """What the arguments of a command are filled with."""
        values = self.prepare(ENDPOINTS[0])
        esm = f"team/{values['name']}"
        if "{yanked}" in command.arguments or command.words == ("unyank",):
            self.client.esms.yank(f"{esm}@1", "to be taken back")
        if command.words == ("attach",):
            self.client.esms.detach(esm)
        for name, array in (
            ("x", np.random.default_rng(0).standard_normal((20, 16))),
            ("y", np.arange(20) % 2),
        ):
            np.save(tmp_path / f"{name}.npy", array)
        return {
            **values,
            "esm": esm,
            "yanked": esm,
            "directory": str(self.directory),
            "model": str(self.model),
            "fresh": str(tmp_path / f"pulled-{uuid4().hex[:8]}"),
            "new": f"n-{uuid4().hex[:8]}",
            "ranking": values["ranking_id"],
            "x": str(tmp_path / "x.npy"),
            "y": str(tmp_path / "y.npy"),
        }

    def body(self, endpoint):
        """What a request carries."""
        fingerprint = EsmArtifact.read(self.directory).fingerprint.model_dump(mode="json")
        bodies = {
            "space": {"name": f"s-{uuid4().hex[:8]}", "fingerprint": fingerprint},
            "ranking": ranking_of("space"),
            "similar": {"space": "space", "embedding": base64.b64encode(bytes(64)).decode()},
            "namespace": {"name": f"n-{uuid4().hex[:8]}"},
            "version": {
                "manifest": self.manifest.model_dump(mode="json"),
                "space": "space",
                "fingerprint": fingerprint,
            },
            "source-model": {"files": self.files},
        }
        if endpoint.body == "blob":  # what `digest` names, which the namespace has
            return {"content": (self.directory / "config.json").read_bytes()}
        if isinstance(endpoint.body, str):
            return {"json": bodies[endpoint.body]}
        if isinstance(endpoint.body, bytes):
            return {"content": endpoint.body}
        body = endpoint.body
        if endpoint.path == "/v1/tokens" and body:
            body = {**body, "name": f"t-{uuid4().hex[:8]}"}
        return {} if body is None else {"json": body}
