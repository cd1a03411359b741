"""Things that exist before each request, whatever the one before did to them."""

import base64
from pathlib import Path
from string import Formatter
from uuid import uuid4

import numpy as np
from access.actors import Actors
from access.commands import Command
from access.endpoints import SPACE, TOKEN, Endpoint
from support.people import Holder, ranking_of

from esm_client import Client, EsmArtifact
from esm_client.core.artifact.directory import directory_manifest


def names_in(*texts: str) -> set[str]:
    """What stands in braces in these texts."""
    return {name for text in texts for _, name, _, _ in Formatter().parse(text) if name}


class World:
    """One server with the namespace team, whose things are made anew for each request."""

    def __init__(self, registry, root: Holder, actors: Actors, directory: Path, folder: Path):
        self.registry, self.root, self.actors = registry, root, actors
        self.cache = folder / "cache"
        self.client = Client(registry.url, root.secret, cache_dir=self.cache)
        self.directory, self.folder, self.model = directory, folder, folder / "model"
        self._write_files()
        self.client.push(directory, "team/first", space="space", force=True)
        attached = self.client.push_source_model("team/first", self.model)
        self.manifest = directory_manifest(directory)[0]
        self.files = {n: f.model_dump() for n, f in attached.source_model.files.items()}

    def _write_files(self):
        from safetensors.numpy import save_file

        self.model.mkdir()
        (self.model / "config.json").write_text("{}")
        save_file({"x": np.zeros(3)}, self.model / "model.safetensors")
        np.save(self.folder / "x.npy", np.random.default_rng(0).standard_normal((20, 16)))
        np.save(self.folder / "y.npy", np.arange(20) % 2)

    def prepare(self, endpoint: Endpoint):
        """Path values; everything that the path names exists."""
        named = names_in(endpoint.path)
        owner = self.actors.holders[endpoint.of or "root"]
        founded = endpoint.of and endpoint.path == SPACE
        values = {
            "namespace": "team",
            "selector": "1",
            "alias": "stable",
            "filename": "config.json",
            "model_file": "config.json",
            "digest": self.manifest.files["config.json"].sha256,
            "space": self.founded_by(owner) if founded else "space",
            "owner": owner.token.get("user", ""),
            "metric_name": "accuracy",
        }
        if "name" in named:
            is_yanked = endpoint.path.endswith("/yank") and endpoint.method == "DELETE"
            values["name"], digest = self.new_esm(is_yanked)
            if "yank" in endpoint.path:
                values["selector"] = digest
        if "user" in named:
            values["user"] = self.new_member().token["user"]
        if "token_id" in named:
            of = endpoint.of and endpoint.path.startswith(TOKEN)
            token = self.token_of(endpoint.of) if of else self.new_member()
            values["token_id"] = str(token.token["id"])
        if "ranking_id" in named:
            values["ranking_id"] = owner.ranks("space")["id"]
        return {**values, **endpoint.path_values}

    def new_esm(self, is_yanked: bool = False) -> tuple[str, str]:
        """The name and digest of an ESM of team with aliases and a source model."""
        name = f"a-{uuid4().hex[:8]}"
        version = self.client.push(self.directory, f"team/{name}", space="space", force=True)
        self.client.push_source_model(f"team/{name}", self.model)
        for alias in ("stable", "locked"):
            protected = alias == "locked"
            self.client.aliases.set(f"team/{name}", alias, 1, protected=protected)
        self.client.aliases.set(f"team/{name}", "stable", 1)
        if is_yanked:
            self.client.esms.yank(f"team/{name}@1", "to be taken back")
        return name, version.digest

    def new_member(self) -> Holder:
        """The holder of a new user's token, who is a member of team."""
        user = f"user-{uuid4().hex[:8]}"
        token = self.root.makes_token("read", user=user)
        self.client.namespaces.set_member("team", user, "reader")
        return token

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

    def hand_over(self, namespace: str):
        """Take a namespace that was just made from its maker, who would else be an admin."""
        created_by = self.client.namespaces.get(namespace).created_by
        self.client.namespaces.set_member(namespace, "stranger", "admin")
        if created_by not in ("admin", "stranger"):
            self.client.namespaces.remove_member(namespace, created_by)

    def names(self, command: Command):
        """What the arguments of a command are filled with; everything they name exists."""
        named, values = names_in(*command.arguments), {}
        if "esm" in named:
            name, _ = self.new_esm(is_yanked=command.words == ("unyank",))
            values["esm"] = f"team/{name}"
            if command.words == ("attach",):
                self.client.esms.detach(values["esm"])
        if "user" in named:
            values["user"] = self.new_member().token["user"]
        if "token_id" in named:
            values["token_id"] = str(self.new_member().token["id"])
        if "ranking" in named:
            values["ranking"] = self.root.ranks("space")["id"]
        return {
            **values,
            "directory": str(self.directory),
            "model": str(self.model),
            "x": str(self.folder / "x.npy"),
            "y": str(self.folder / "y.npy"),
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
