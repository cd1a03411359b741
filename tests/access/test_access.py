"""Every endpoint by every role: the answer is the one the table says."""

import base64
from uuid import uuid4

import numpy as np
import pytest
import typer
from access.actors import ACTORS, ROLES, expected, make_actors
from access.commands import COMMANDS
from access.endpoints import ENDPOINTS, Endpoint
from access.table import DOCUMENT, render
from support.registry import RunningRegistry

from esm_client import Client, EsmArtifact, TargetSketch
from esm_client.cli.__main__ import run
from esm_client.cli.app import app
from esm_client.core.artifact.directory import directory_manifest
from esm_client.core.artifact.manifest import digest_bytes

DOCUMENTATION = "/openapi"  # pages of the framework over the same document


@pytest.fixture(name="registry", scope="module")
def _registry(tmp_path_factory):
    running = RunningRegistry(tmp_path_factory.mktemp("access"))
    yield running
    running.kill()


@pytest.fixture(name="root", scope="module")
def _root(registry):
    with registry.client(registry.admin_token) as client:
        yield client


@pytest.fixture(name="actors", scope="module")
def _actors(registry, root):
    return make_actors(registry, root)


class World:
    """Things that exist before each request, whatever the one before did to them."""

    def __init__(self, registry, root, actors, esm_directory, tmp_path):
        self.registry, self.root, self.actors = registry, root, actors
        self.client = Client(registry.url, registry.admin_token, cache_dir=tmp_path / "cache")
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
        token = self.client.tokens.create("default", "read", user=other)
        self.client.namespaces.set_member("team", other, "reader")
        self.manifest = directory_manifest(self.directory)[0]
        self.files = {n: f.model_dump() for n, f in attached.source_model.files.items()}
        # a ranking takes longer than all the rest; the first endpoint stands for the commands
        needed = endpoint is ENDPOINTS[0] or "{ranking_id}" in endpoint.path
        ranking = self.root.post("/v1/rankings", json=self.ranking()).json() if needed else {}
        return {
            "namespace": "team",
            "name": name,
            "selector": version.digest if "yank" in endpoint.path else "1",
            "alias": "stable",
            "filename": "config.json",
            "model_file": "config.json",
            "digest": digest_bytes(b"blob"),
            "space": "space",
            "user": other,
            "token_id": str(token.id),
            "ranking_id": ranking.get("id", ""),
            "metric_name": "accuracy",
            **endpoint.path_values,
        }

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

    def ranking(self):
        embeddings = np.random.default_rng(0).standard_normal((20, 16))
        sketch = TargetSketch.from_embeddings(embeddings, np.arange(20) % 2, kind="classification")
        return {"space": "space", "sketch": base64.b64encode(sketch.to_bytes()).decode()}

    def body(self, endpoint):
        fingerprint = EsmArtifact.read(self.directory).fingerprint.model_dump(mode="json")
        bodies = {
            "space": {"name": f"s-{uuid4().hex[:8]}", "fingerprint": fingerprint},
            "ranking": self.ranking(),
            "similar": {"space": "space", "embedding": base64.b64encode(bytes(64)).decode()},
            "namespace": {"name": f"n-{uuid4().hex[:8]}"},
            "version": {
                "manifest": self.manifest.model_dump(mode="json"),
                "space": "space",
                "fingerprint": fingerprint,
            },
            "source-model": {"files": self.files},
        }
        if isinstance(endpoint.body, str):
            return {"json": bodies[endpoint.body]}
        if isinstance(endpoint.body, bytes):
            return {"content": endpoint.body}
        body = endpoint.body
        if endpoint.path == "/v1/tokens" and body:
            body = {**body, "name": f"t-{uuid4().hex[:8]}"}
        return {} if body is None else {"json": body}


@pytest.fixture(name="world")
def _world(registry, root, actors, esm_directory, tmp_path):
    world = World(registry, root, actors, esm_directory, tmp_path)
    with world.client:
        yield world


@pytest.mark.parametrize(
    "endpoint", ENDPOINTS, ids=lambda e: f"{e.method} {e.path}{e.path_values or ''}"
)
def test_endpoint(world, registry, endpoint):
    world.root.put(
        f"/v1/namespaces/team/blobs/{digest_bytes(b'blob')}", content=b"blob"
    ).raise_for_status()
    found, path = {}, None
    for actor in ACTORS:
        path = path or endpoint.path.format(**world.prepare(endpoint))
        with registry.client(world.actors.tokens[actor]) as client:
            response = client.request(endpoint.method, path, **world.body(endpoint))
        found[actor] = response.status_code
        if response.is_success and endpoint.method not in ("GET", "HEAD"):
            path = None  # it is not as it was: prepare anew
            world.hand_over(response)
    assert found == {actor: expected(endpoint, actor) for actor in ACTORS}


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: " ".join(command.words))
def test_command(world, monkeypatch, tmp_path, capsys, command):
    found, values = {}, None
    monkeypatch.setenv("ESM_REGISTRY_URL", world.registry.url)
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.null.Keyring")
    for name in ("CONFIG", "CACHE"):
        monkeypatch.setenv(f"XDG_{name}_HOME", str(tmp_path / name))
    for actor in BY_COMMAND:
        values = values or world.names(command, tmp_path)
        token = world.actors.tokens[actor]
        monkeypatch.delenv("ESM_REGISTRY_TOKEN", raising=False)
        if token is not None:
            monkeypatch.setenv("ESM_REGISTRY_TOKEN", token)
        code = run([*command.words, *(text.format(**values) for text in command.arguments)])
        found[actor] = code == 0
        if code == 0:
            world.hand_over(world.root.get(f"/v1/namespaces/{values['new']}"))
            values = None
        assert "Traceback" not in capsys.readouterr().err
    assert found == {actor: allowed(command, actor) for actor in BY_COMMAND}


BY_COMMAND = ("anonymous", "expired", "foreign", *ROLES, "root")


def allowed(command, actor):
    """Whether a command ends well: its endpoint answers this actor with a success."""
    scope = {"writer": "write", "admin": "admin"}.get(command.needs, "read")
    return expected(Endpoint("", "", command.needs, scope=scope), actor) == 200


def test_every_command_has_a_row():
    def commands(group, words=()):
        for name, command in group.commands.items():
            inner = getattr(command, "commands", None)
            yield from commands(command, (*words, name)) if inner else [(*words, name)]

    known = {command.words for command in COMMANDS}
    assert set(commands(typer.main.get_command(app))) == known


def test_every_endpoint_has_a_row(root):
    document = root.get("/openapi.json").json()
    names = {"{space}": "{name}", "{model_file}": "{filename}"}
    rows = set()
    for endpoint in ENDPOINTS:
        path = endpoint.path
        for ours, theirs in names.items():
            path = path.replace(ours, theirs)
        rows.add((endpoint.method, path))
    served = {
        (method.upper(), path)
        for path, item in document["paths"].items()
        for method in item
        if not path.startswith(f"{DOCUMENTATION}/")
    }
    assert served <= rows, served - rows


def test_the_table_in_the_documentation_is_this_one():
    assert DOCUMENT.read_text() == render()
