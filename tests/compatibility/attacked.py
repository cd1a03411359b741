"""A server of one edition, and people on it who attack each other and it."""

import secrets
from contextlib import ExitStack
from functools import cached_property
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import httpx
from access.parties import Party, parties, version_of
from compatibility.editions import Edition, Server
from support.artifacts import make_esm, upload
from support.people import ranking_of

SECONDS = 120


class Attacked:
    """A running server of an edition, and what is started beside it until `stack` is closed.

    To helpers of tests it looks as a RunningRegistry does.
    """

    def __init__(self, edition: Edition, folder: Path, stack: ExitStack) -> None:
        self.edition, self.folder, self.stack = edition, folder, stack
        self.data_dir = folder / "registry"
        folder.mkdir()
        self.server = self.serve(self.data_dir)
        made = self.command("token", "create", "--user", "root", "--scope", "admin")
        assert made.returncode == 0, made.stderr
        self.admin_token = made.stdout.strip()
        self.party = self.stack.enter_context(parties(self))

    @property
    def pid(self) -> int:
        return self.server.pid

    @cached_property
    def root(self) -> httpx.Client:
        """Of an admin of the registry."""
        return self.client(self.admin_token)

    def serve(self, data_dir: Path, **variables: str) -> Server:
        """One more server; raises RuntimeError when it does not start."""
        server = self.edition.serve(data_dir, **variables)
        self.stack.callback(server.stop)
        return server

    def command(self, *arguments: object, data_dir: Path | None = None) -> CompletedProcess[str]:
        """Run an `esm-server` command, which may fail."""
        options = ("--data-dir", data_dir or self.data_dir)
        return self.edition.run("-m", "esm_server.cli", *arguments, *options)

    def client(self, token: str, server: Server | None = None) -> httpx.Client:
        """Plain HTTP with a token."""
        made = httpx.Client(  # opened by its first request, or by a `with`
            base_url=(server or self.server).url,
            headers={"Authorization": f"Bearer {token}"},
            timeout=SECONDS,
            trust_env=False,
        )
        self.stack.callback(made.close)
        return made

    def esm(self, **options: Any) -> Path:
        """The directory of an ESM that nobody else has."""
        return make_esm(self.folder, unique("esm"), seed=secrets.randbits(31), **options)


def unique(kind: str) -> str:
    """A name that nobody has."""
    return f"{kind}-{secrets.token_hex(5)}"


def is_done(answer: httpx.Response) -> bool:
    """Whether a server did what was asked; all but a refusal of it is a mistake of the test."""
    assert answer.is_success or answer.status_code in (401, 403, 404, 409), answer.text
    return answer.is_success


def document(answer: httpx.Response) -> Any:
    """What was answered to something that everybody may do."""
    return answer.raise_for_status().json()


def token(client: httpx.Client, **fields: Any) -> dict[str, Any]:
    """Make one that its maker may make."""
    return document(client.post("/v1/tokens", json={"name": unique("token"), **fields}))


def found_space(world: Attacked, client: httpx.Client, namespace: str) -> str:
    """Push an ESM that founds a space; its name."""
    directory = world.esm(space_seed=secrets.randbits(31))
    space = unique("space")
    upload(client, directory, namespace)
    body = {**version_of(directory), "space": space}
    path = f"/v1/esms/{namespace}/{unique('esm')}/versions"
    client.post(path, json=body).raise_for_status()
    return space


def receipt(client: httpx.Client, space: str) -> str:
    """Rank the ESMs of a space; the path of the receipt."""
    found = document(client.post("/v1/rankings", json=ranking_of(space, wait=60)))
    assert found["rows"], "the ranking is of something"
    return f"/v1/rankings/{found['id']}"


def as_admin(world: Attacked, party: Party) -> httpx.Client:
    """A namespace's admin with a token that lets them administer it."""
    return world.client(token(world.root, scope="admin", user=party.user)["secret"])
