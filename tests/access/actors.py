"""Who asks: every role in one private namespace, and tokens that should get nowhere."""

from dataclasses import dataclass
from datetime import timedelta

ROLES = ("reader", "writer", "maintainer", "admin")
ACTORS = (
    "anonymous", "expired", "revoked", "foreign", "limited", *ROLES,
    "admin with a read token", "admin with a write token", "root",
)  # fmt: skip
"""foreign: an admin of another namespace. limited: an admin's token for another namespace."""


@dataclass(frozen=True)
class Actors:
    """The token of each actor; None sends none."""

    tokens: dict[str, str | None]
    users: dict[str, str]


def make_actors(registry, client) -> Actors:
    """Users and tokens, made by an admin of the registry whose client this is."""

    def token(user, scope="admin", **more):
        body = {"name": more.pop("name", "default"), "scope": scope, "user": user, **more}
        response = client.post("/v1/tokens", json=body)
        assert response.status_code == 201, response.text
        return response.json()

    for name in ("team", "elsewhere"):
        body = {"name": name, "private": True}
        client.post("/v1/namespaces", json=body).raise_for_status()
    tokens = {"anonymous": None, "root": registry.admin_token}
    for role in ROLES:
        tokens[role] = token(f"the-{role}")["secret"]
        member(client, "team", f"the-{role}", role)
    tokens["foreign"] = token("stranger")["secret"]
    member(client, "elsewhere", "stranger", "admin")
    member(client, "elsewhere", "the-admin", "admin")
    tokens["limited"] = token("the-admin", name="limited", namespace="elsewhere")["secret"]
    tokens["admin with a read token"] = token("the-admin", "read", name="r")["secret"]
    tokens["admin with a write token"] = token("the-admin", "write", name="w")["secret"]
    tokens["expired"] = registry.create_token("admin", lifetime=timedelta(0))
    gone = token("the-admin", name="gone")
    client.delete(f"/v1/tokens/{gone['id']}").raise_for_status()
    tokens["revoked"] = gone["secret"]
    return Actors(tokens, {role: f"the-{role}" for role in ROLES})


def member(client, namespace, user, role):
    path = f"/v1/namespaces/{namespace}/members/{user}"
    client.put(path, json={"role": role}).raise_for_status()


def expected(endpoint, actor: str) -> int:
    """The status that the table says, by the rules of roles, scopes and privacy."""
    if endpoint.needs == "nobody":
        return endpoint.status
    if actor in ("anonymous", "expired", "revoked"):
        return 401
    scope = {"admin with a read token": "read", "admin with a write token": "write"}.get(
        actor, "admin"
    )
    order = ("read", "write", "admin")
    if order.index(scope) < order.index(endpoint.scope):
        return 403
    if endpoint.needs in ("token", "write", "own", "some-admin"):
        return _by_token(endpoint, actor)
    if actor == "root":
        return endpoint.status
    if endpoint.needs in ("root", "asker"):
        return endpoint.private
    if actor == "foreign":
        return endpoint.private
    if actor == "limited":
        return endpoint.limited
    role = "admin" if actor.startswith("admin") else actor
    most = {"read": "reader", "write": "maintainer", "admin": "admin"}[scope]
    acting = min(role, most, key=ROLES.index)
    return endpoint.status if ROLES.index(acting) >= ROLES.index(endpoint.needs) else 403


def _by_token(endpoint, actor: str) -> int:
    if endpoint.needs == "own":  # somebody else's token
        return endpoint.status if actor == "root" else 404
    if endpoint.needs == "some-admin":
        administers = ("admin", "root", "foreign", "limited")
        return endpoint.status if actor in administers else 403
    if actor == "limited" and endpoint.path in ("/v1/tokens", "/v1/namespaces"):
        return 403 if endpoint.method == "POST" else endpoint.status
    return endpoint.status
