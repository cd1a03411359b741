"""Every endpoint by every role: the answer is the one the table says."""

from uuid import uuid4

import pytest
from access.actors import ACTORS, ROLES, expected, make_actors
from access.commands import COMMANDS
from access.endpoints import ENDPOINTS, THINGS, Endpoint
from access.table import DOCUMENT, render
from access.world import World
from support.artifacts import make_esm
from support.people import Holder
from support.registry import RunningRegistry

from esm_client.cli.__main__ import run
from esm_client.cli.app import command_tree

DOCUMENTATION = "/openapi"  # pages of the framework over the same document


@pytest.fixture(name="registry", scope="module")
def _registry(tmp_path_factory):
    """Its tokens have no end unless one is asked for: none is refused for one it outlives."""
    env = {"ESM_SERVER_TOKEN_DAYS": "0"}
    running = RunningRegistry(tmp_path_factory.mktemp("access"), env)
    yield running
    running.kill()


@pytest.fixture(name="root", scope="module")
def _root(registry):
    return Holder(registry, registry.admin_token)


@pytest.fixture(name="actors", scope="module")
def _actors(registry, root):
    return make_actors(registry, root)


@pytest.fixture(name="world", scope="module")
def _world(registry, root, actors, tmp_path_factory):
    folder = tmp_path_factory.mktemp("world")
    world = World(registry, root, actors, make_esm(folder, "esm"), folder)
    with world.client:
        yield world


@pytest.mark.parametrize(
    "endpoint", ENDPOINTS + THINGS, ids=lambda e: f"{e.method} {e.path} {e.note}{e.of}"
)
def test_endpoint(world, registry, endpoint):
    found, path = {}, None
    for actor in ACTORS:
        path = path or endpoint.path.format(**world.prepare(endpoint))
        with registry.client(world.actors.tokens[actor]) as client:
            response = client.request(endpoint.method, path, **world.body(endpoint))
        found[actor] = response.status_code
        if response.is_success and endpoint.method not in ("GET", "HEAD"):
            path = None  # it is not as it was: prepare anew
            if endpoint.body == "namespace":
                world.hand_over(response.json()["name"])
    assert found == {actor: expected(endpoint, actor) for actor in ACTORS}


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: " ".join(command.words))
def test_command(world, monkeypatch, tmp_path, capsys, command):
    found, values = {}, None
    monkeypatch.setenv("ESM_REGISTRY_URL", world.registry.url)
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.null.Keyring")
    for name in ("CONFIG", "CACHE", "DATA"):
        monkeypatch.setenv(f"XDG_{name}_HOME", str(tmp_path / name))
    for actor in BY_COMMAND:
        values = values or world.names(command)
        new = {"fresh": str(tmp_path / uuid4().hex), "new": f"n-{uuid4().hex[:8]}"}
        token = world.actors.tokens[actor]
        monkeypatch.delenv("ESM_REGISTRY_TOKEN", raising=False)
        if token is not None:
            monkeypatch.setenv("ESM_REGISTRY_TOKEN", token)
        arguments = [text.format(**values, **new) for text in command.arguments]
        found[actor] = run([*command.words, *arguments]) == 0
        if found[actor] and command.changes:
            values = None
        if found[actor] and command.words == ("namespace", "create"):
            world.hand_over(new["new"])
        assert "Traceback" not in capsys.readouterr().err
    assert found == {actor: allowed(command, actor) for actor in BY_COMMAND}


BY_COMMAND = ("anonymous", "expired", "disabled", "foreign", *ROLES, "root")


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
    assert set(commands(command_tree())) == known


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
