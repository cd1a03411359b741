"""Every endpoint: what it needs, and what whoever has it is answered.

needs: nobody (open to all), token (any valid one), or a role in the namespace; `write` and
`admin` ask for the token's scope alone; `root` is an admin of the registry; `asker`, `founder`,
`holder` and `lister`, root apart, is whoever asked for the ranking, founded the space, has the
token, or may see a user's tokens: one of the table's actors if `of` names it, else none of them.
"""

from dataclasses import dataclass, field
from typing import Any

ESM = "/v1/esms/{namespace}/{name}"
VERSION = ESM + "/versions/{selector}"
ALIAS = ESM + "/aliases/{alias}"
NAMESPACE = "/v1/namespaces/{namespace}"
USER = "/v1/users/{user}"
MEMBER = NAMESPACE + "/members/{user}"
RANKING = "/v1/rankings/{ranking_id}"
OUTCOMES = RANKING + "/outcomes"
TOKEN = "/v1/tokens/{token_id}"
SPACE = "/v1/spaces/{space}"
BASELINE = {"reference": None, "metric": 0.5}
MOVED = {"location": "/mnt"}
OF_A_ROBOT = {"scope": "read", "user": "ci", "kind": "robot", "namespace": "team"}
OF_ANOTHER = {"scope": "read", "user": "somebody"}


@dataclass(frozen=True)
class Endpoint:
    """One row of the table."""

    method: str
    path: str
    needs: str
    status: int = 200
    body: Any = None
    scope: str = "read"
    """The scope the token must have, whatever its user's role."""
    private: int = 404
    """What somebody is answered who may not see the namespace."""
    limited: int = 404
    """What a token is answered that is limited to another namespace."""
    path_values: dict[str, str] = field(default_factory=dict)
    of: str = ""
    """The actor whose thing it is."""
    note: str = ""
    """What tells it from another row of the same path."""


def _of(method: str, path: str, needs: str, status: int = 200, **more: Any) -> Endpoint:
    scope = {"writer": "write", "maintainer": "write", "admin": "admin"}.get(needs, "read")
    return Endpoint(method, path, needs, status, **{"scope": scope, **more})


ENDPOINTS = [
    _of("GET", "/v1", "nobody"),
    _of("GET", "/health/live", "nobody"),
    _of("GET", "/health/ready", "nobody"),
    _of("GET", "/docs", "nobody"),
    _of("GET", "/openapi.json", "nobody"),
    _of("GET", "/metrics", "nobody"),
    _of("GET", "/v1/whoami", "token"),
    _of("GET", "/v1/tokens", "token"),
    _of("POST", "/v1/tokens", "token", 201, body={"name": "fresh", "scope": "read"}),
    _of("POST", "/v1/tokens", "admin", 201, body=OF_A_ROBOT, limited=403, note="a robot's"),
    _of("POST", "/v1/tokens", "root", 201, body=OF_ANOTHER, private=403, note="another's"),
    _of("POST", TOKEN + "/rotate", "holder", 200),
    _of("DELETE", TOKEN, "holder", 200),
    _of("GET", "/v1/users", "root", scope="admin", private=403),
    _of("PATCH", USER, "root", body={"disabled": True}, scope="admin", private=403),
    _of("GET", "/v1/audit", "some-admin", scope="admin"),
    _of("GET", "/v1/spaces", "token"),
    _of("POST", "/v1/spaces", "write", 201, body="space", scope="write"),
    _of("GET", SPACE, "token"),
    _of("PATCH", SPACE, "founder", body=MOVED, scope="write", private=403),
    _of("GET", "/v1/esms", "token"),
    _of("GET", "/v1/esms/facets", "token"),
    _of("POST", "/v1/source-sketches", "token", body={"digests": ["sha256:" + "0" * 64]}),
    _of("POST", NAMESPACE + "/packs", "writer", 400, body=b"", limited=403),
    _of("GET", "/v1/spaces/{space}/live", "token"),
    _of("GET", "/v1/spaces/{space}/pack", "token"),
    _of("POST", "/v1/similar", "token", body="similar"),
    _of("POST", "/v1/rankings", "token", 201, body="ranking"),
    _of("GET", RANKING, "asker", private=404),
    _of("GET", RANKING + "/events", "asker", private=404),
    _of("DELETE", RANKING, "asker", 409, private=404),
    _of("GET", OUTCOMES, "asker", private=404),
    _of("POST", OUTCOMES, "asker", 201, body=BASELINE, scope="write", private=404),
    _of("DELETE", OUTCOMES + "/{metric_name}", "asker", 204, scope="write", private=404),
    _of("GET", "/v1/spaces/{space}/ledger", "token"),
    _of("GET", "/v1/namespaces", "token"),
    _of("POST", "/v1/namespaces", "write", 201, body="namespace", scope="write"),
    _of("GET", NAMESPACE, "reader", limited=403),
    _of("PATCH", NAMESPACE, "admin", body={"description": "x"}, limited=403),
    _of("GET", NAMESPACE + "/members", "reader", limited=403),
    _of("PUT", MEMBER, "admin", body={"role": "reader"}, limited=403),
    _of("DELETE", MEMBER, "admin", 204, limited=403, scope="write"),
    _of("HEAD", NAMESPACE + "/blobs/{digest}", "writer", limited=403),
    _of("PUT", NAMESPACE + "/blobs/{digest}", "writer", body="blob", limited=403),
    _of("POST", NAMESPACE + "/blobs/{digest}/upload", "writer", body={"size": 4}, limited=403),
    _of("GET", ESM, "reader"),
    _of("PATCH", ESM, "writer", body={"description": "x"}),
    _of("DELETE", ESM, "admin", 204, limited=403),
    _of("GET", ESM + "/versions", "reader"),
    _of("POST", ESM + "/versions", "writer", body="version", limited=403),
    _of("GET", VERSION, "reader"),
    _of("PATCH", VERSION, "writer", body={"card": "# x"}),
    _of("DELETE", VERSION, "admin", 204, limited=403),
    _of("GET", VERSION + "/cards", "reader"),
    _of("PUT", VERSION + "/yank", "writer", body={"reason": "x"}, limited=403),
    _of("DELETE", VERSION + "/yank", "writer", limited=403),
    _of("GET", VERSION + "/similar", "reader"),
    _of("GET", VERSION + "/files/{filename}", "reader"),
    _of("HEAD", VERSION + "/files/{filename}", "reader"),
    _of("PUT", VERSION + "/source-model", "writer", body="source-model"),
    _of("DELETE", VERSION + "/source-model", "admin", 204),
    _of("GET", VERSION + "/source-model/files/{model_file}", "reader"),
    _of("GET", ESM + "/aliases", "reader"),
    _of("PUT", ALIAS, "writer", body={"version": 1}),
    _of(
        "PUT",
        ALIAS,
        "maintainer",
        body={"version": 1},
        path_values={"alias": "locked"},
        note="protected alias",
    ),
    _of("DELETE", ALIAS, "writer", 204),
    _of("GET", ALIAS + "/moves", "reader"),
    _of("POST", ALIAS + "/rollback", "writer"),
]


def _things(of: str) -> list[Endpoint]:
    """What is asked about the rankings, spaces and tokens of one of the actors."""
    return [
        _of("GET", RANKING, "asker", of=of),
        _of("GET", RANKING + "/events", "asker", of=of),
        _of("DELETE", RANKING, "asker", 409, of=of),
        _of("GET", OUTCOMES, "asker", of=of),
        _of("POST", OUTCOMES, "asker", 201, body=BASELINE, scope="write", of=of),
        _of("DELETE", OUTCOMES + "/{metric_name}", "asker", 204, scope="write", of=of),
        _of("PATCH", SPACE, "founder", body=MOVED, scope="write", private=403, of=of),
        _of("POST", TOKEN + "/rotate", "holder", of=of),
        _of("DELETE", TOKEN, "holder", of=of),
    ]


def _tokens(of: str) -> Endpoint:
    """The list of tokens of one of them."""
    return _of("GET", "/v1/tokens?user={owner}", "lister", private=403, of=of)


OWNERS = ("admin", "limited here", "robot")
THINGS = [row for of in OWNERS for row in _things(of)] + [_tokens("admin"), _tokens("robot")]
