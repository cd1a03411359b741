"""A registry whose people are given rights, and another one of later, when some were taken."""

import json
from pathlib import Path
from typing import Any

from support.registry import RunningRegistry

WORDS = ("kind", "user", "name", "namespace")
TAKEN = {
    ("token", "ann", "revoked"),
    ("token", "ann", "rotated"),
    ("token", "carl", "default"),
    ("member", "ann", "closed"),
    ("member", "bob", "closed"),
    ("member", "bob", "dropped"),
    ("namespace", "opened"),
    ("namespace", "dropped"),
    ("user", "dora"),
    ("user", "eve"),
}


class World:
    """A registry, the secrets that were made in it by the names of their tokens, and which work."""

    def __init__(self, running: RunningRegistry) -> None:
        self.running = running
        self.secrets: dict[str, str] = {}
        self.works: set[str] = set()
        self.taken: set[tuple[str, ...]] = set()
        """What `take` has taken, as documents of changes name it."""
        self._ids: dict[str, int] = {}

    def copied(self, data_dir: Path) -> "World":
        """The same, in another data directory; stopped."""
        other = World(RunningRegistry(data_dir, copy_of=self.running))
        other.secrets, other._ids = dict(self.secrets), dict(self._ids)
        return other

    def command(self, *words: str, status: int = 0, **where: Any) -> Any:
        """The document of a command."""
        result = self.running.run_command(*words, "--json", **where)
        assert result.returncode == status, (result.stdout, result.stderr)
        return json.loads(result.stdout)

    def grant(self) -> None:
        """Make users, tokens and members."""
        for name in ("kept", "revoked", "rotated", "before"):
            self._token("ann", name)
        self._token("bob", "bob")
        self._ask("DELETE", f"/v1/tokens/{self._ids['before']}")
        for name in ("carl", "dora"):
            words = ("--user", name, "--scope", "admin")
            self.secrets[name] = self.command("token", "create", *words)["token"]
        self._token("eve", "eve")
        for name in ("closed", "opened", "dropped"):
            self._ask("POST", "/v1/namespaces", name=name, private=name == "closed")
        for name in ("closed", "dropped"):
            self._ask("PUT", f"/v1/namespaces/{name}/members/bob", role="admin")
        self._ask("PUT", "/v1/namespaces/closed/members/ann", role="writer")
        self.works = working(self.running, self.secrets)

    def take(self) -> None:
        """Take some of it, in the ways that there are, and grant something new."""
        query = self.running.query
        self._ask("DELETE", f"/v1/tokens/{self._ids['revoked']}")
        again = self._ask("POST", f"/v1/tokens/{self._ids['rotated']}/rotate")
        self.secrets["rotated-new"] = again["secret"]
        self._ask("DELETE", "/v1/namespaces/closed/members/ann")
        self._ask("PUT", "/v1/namespaces/closed/members/bob", role="reader")
        self._ask("PATCH", "/v1/namespaces/opened", private=True)
        query("DELETE FROM members WHERE namespace = 'dropped'")
        query("DELETE FROM namespaces WHERE name = 'dropped'")
        query("DELETE FROM tokens WHERE user_id = (SELECT id FROM users WHERE name = 'carl')")
        query("UPDATE users SET is_admin = FALSE WHERE name = 'dora'")
        query("UPDATE users SET disabled_at = '2026-11-26 00:00:00' WHERE name = 'eve'")
        self._token("ann", "late", "admin")
        self._ask("PUT", "/v1/namespaces/opened/members/ann", role="admin")
        self.taken = {*TAKEN, ("member", self._ask("GET", "/v1/whoami")["name"], "dropped")}
        self.works = working(self.running, self.secrets)

    def _ask(self, method: str, path: str, **body: object) -> Any:
        with self.running.client(self.running.admin_token) as admin:
            answer = admin.request(method, path, json=body or None)
        answer.raise_for_status()
        return answer.json() if answer.content else None

    def _token(self, user: str, name: str, scope: str = "read") -> None:
        made = self._ask("POST", "/v1/tokens", user=user, name=name, scope=scope)
        self.secrets[name], self._ids[name] = made["secret"], made["id"]


def working(running: RunningRegistry, secrets: dict[str, str]) -> set[str]:
    """The names of the secrets that a server takes."""
    found: dict[str, int] = {}
    for name, secret in secrets.items():
        with running.client(secret) as client:
            found[name] = client.get("/v1/whoami").status_code
    assert set(found.values()) <= {200, 401}
    return {name for name, status in found.items() if status == 200}


def named(changes: Any) -> set[tuple[str, ...]]:
    """Changes by their kind and names."""
    return {tuple(one[word] for word in WORDS if word in one) for one in changes}
