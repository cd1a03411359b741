"""Who asks: every role in one private namespace, and tokens that should get nowhere."""

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from support.people import Holder

ROLES = ("reader", "writer", "maintainer", "admin")
SCOPES = ("read", "write", "admin")
MOST = {"read": "reader", "write": "maintainer", "admin": "admin"}


@dataclass(frozen=True)
class Actor:
    """Whose token it is, and what it may do.

    role: the user's in the namespace team. only: the one namespace the token is limited to. ends:
    whether the token ends before others of its user.
    """

    user: str = ""
    role: str | None = None
    scope: str = "admin"
    only: str | None = None
    ends: bool = False

    @property
    def acts_as(self) -> str | None:
        """The role in team that the token lets its user act in."""
        if self.role is None or self.only not in (None, "team"):
            return None
        return min(self.role, MOST[self.scope], key=ROLES.index)


NOBODY = ("anonymous", "expired", "revoked", "disabled")
ACTORS = {
    **{name: Actor() for name in NOBODY},
    "foreign": Actor("stranger"),
    "limited": Actor("admin", "admin", only="elsewhere"),
    "limited here": Actor("admin", "admin", only="team"),
    "expiring": Actor("admin", "admin", ends=True),
    "robot": Actor("robot", "writer", scope="write", only="team"),
    "admin robot": Actor("chief", "admin", only="team"),
    "removed": Actor("former-member"),
    **{role: Actor(role, role) for role in ROLES},
    "admin with a read token": Actor("admin", "admin", scope="read"),
    "admin with a write token": Actor("admin", "admin", scope="write"),
    "limited root": Actor("root", "admin", only="team"),
    "root": Actor("root"),
}
"""foreign: an admin of another namespace. limited: an admin's token for another namespace; here:
for this one. expiring: an admin's token that ends tomorrow. robot: one of this namespace, as is the
admin robot. removed: who was an admin of it. limited root: the token of an admin of the registry
that is limited to it."""


@dataclass(frozen=True)
class Actors:
    """The holder of each actor's token; `anonymous` has none."""

    holders: "dict[str, Holder]"
    users: dict[str, str]

    @property
    def tokens(self) -> dict[str, str | None]:
        """The secret of each actor; None sends none."""
        return {"anonymous": None, **{name: one.secret for name, one in self.holders.items()}}


def make_actors(registry, root: "Holder") -> Actors:
    """Users and tokens, made by an admin of the registry."""
    holder = type(root)
    for name in ("team", "elsewhere"):
        root.post("/v1/namespaces", {"name": name, "private": True}).raise_for_status()
    found = {"root": root}
    for role in ROLES:
        found[role] = root.makes_token(user=f"the-{role}")
        root.sets_member("team", f"the-{role}", role).raise_for_status()
    found["foreign"] = root.makes_token(user="stranger")
    for user in ("stranger", "the-admin"):
        root.sets_member("elsewhere", user, "admin").raise_for_status()
    admin = found["admin"]
    found["limited"] = admin.makes_token(namespace="elsewhere")
    found["limited here"] = admin.makes_token(namespace="team")
    found["expiring"] = admin.makes_token(expires_in_days=1)
    found["robot"] = admin.makes_robot("ci", "team")
    found["admin robot"] = admin.makes_robot("chief", "team", "admin")
    found["limited root"] = root.makes_token(namespace="team")
    found["admin with a read token"] = admin.makes_token("read")
    found["admin with a write token"] = admin.makes_token("write")
    found["expired"] = holder(registry, registry.create_token("admin", lifetime=timedelta(0)))
    found["revoked"] = admin.makes_token()
    admin.revokes(found["revoked"]).raise_for_status()
    found["removed"] = root.makes_token(user="the-former-member")
    root.sets_member("team", "the-former-member", "admin").raise_for_status()
    root.delete("/v1/namespaces/team/members/the-former-member").raise_for_status()
    found["disabled"] = root.makes_token(user="the-former-admin")
    root.sets_member("team", "the-former-admin", "admin").raise_for_status()
    gone = "/v1/users/the-former-admin"
    root.patch(gone, {"disabled": True}).raise_for_status()
    return Actors(found, {role: f"the-{role}" for role in ROLES})


def expected(endpoint, name: str) -> int:
    """The status that the table says, by the rules of roles, scopes, limits and privacy."""
    actor = ACTORS[name]
    if endpoint.needs == "nobody":
        return endpoint.status
    if name in NOBODY:
        return 401
    if SCOPES.index(actor.scope) < SCOPES.index(endpoint.scope):
        return 403
    if name == "root":
        return endpoint.status
    if endpoint.of:
        return _of_somebody(endpoint, actor)
    if endpoint.needs in ("token", "write", "some-admin"):
        return _by_token(endpoint, actor)
    if endpoint.needs in ("root", "asker", "founder", "holder"):
        return endpoint.private
    if actor.only == "elsewhere":
        return endpoint.limited
    if actor.acts_as is None:
        return endpoint.private
    return endpoint.status if ROLES.index(actor.acts_as) >= ROLES.index(endpoint.needs) else 403


def _by_token(endpoint, actor: Actor) -> int:
    if endpoint.needs == "some-admin":
        administers = actor.acts_as == "admin" or actor.user == "stranger" or actor.only
        return endpoint.status if administers else 403
    beyond = endpoint.method == "POST" and endpoint.path in BEYOND
    return 403 if actor.only and beyond else endpoint.status


BEYOND = ("/v1/tokens", "/v1/namespaces", "/v1/spaces")
"""What is made there lies in no namespace, or in another: no token that is limited makes it."""


def _of_somebody(endpoint, actor: Actor) -> int:
    """What somebody is answered about a thing of one of the actors."""
    owner = ACTORS[endpoint.of]
    within = actor.only in (None, owner.only)
    own = actor.user == owner.user and within
    governs = actor.acts_as == "admin" if owner.user == "robot" else own
    if endpoint.needs == "asker":
        return endpoint.status if own else endpoint.private
    if endpoint.needs == "lister":  # a limited token is shown those of its limit
        return endpoint.status if governs or actor.user == owner.user else endpoint.private
    if endpoint.needs == "founder":
        return endpoint.status if governs and actor.only is None else endpoint.private
    if not (governs or own):
        return endpoint.private
    weaker = SCOPES.index(actor.scope) < SCOPES.index(owner.scope)
    outlived = actor.ends and endpoint.path.endswith("/rotate")
    return 403 if weaker or outlived or not governs else endpoint.status
