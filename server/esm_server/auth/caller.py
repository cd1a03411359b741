"""Who makes a request, and what they may do where."""

from dataclasses import dataclass, field
from typing import get_args

from esm_client.core.schemas import Identity, Role, Scope

ROLES: tuple[Role, ...] = get_args(Role)
SCOPES: tuple[Scope, ...] = get_args(Scope)
_MOST: dict[Scope, Role] = {"read": "reader", "write": "maintainer", "admin": "admin"}
"""The highest role a token of a scope acts in, whatever its user's role is."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who makes a request."""

    token_id: int
    """0 for the operator, who has none."""
    user_id: int
    identity: Identity
    secret_sha256: str = field(default="", repr=False)
    """Of the secret that the request came with: the token may get another one meanwhile."""

    @property
    def name(self) -> str:
        """The user's name."""
        return self.identity.name

    @property
    def is_admin(self) -> bool:
        """Whether this is an admin of the registry, with a token that says so."""
        identity = self.identity
        return identity.is_admin and identity.scope == "admin" and identity.namespace is None

    @property
    def sees_all(self) -> bool:
        """Whether private namespaces are open to the user."""
        return self.identity.is_admin

    @property
    def only_namespace(self) -> str | None:
        """The one namespace the token is limited to."""
        return self.identity.namespace

    def works_in(self, namespace: str) -> bool:
        """Whether the token is not limited to another namespace."""
        return self.identity.namespace in (None, namespace)

    def role_in(self, namespace: str, *, private: bool) -> Role | None:
        """The role the caller acts in, as of the request's start; None where they see nothing."""
        return self.acting(namespace, self.identity.roles.get(namespace), private=private)

    def acting(self, namespace: str, own: Role | None, *, private: bool) -> Role | None:
        """The role the token lets its user act in who is a member in the role `own`."""
        if not self.works_in(namespace):
            return None
        role = "admin" if self.identity.is_admin else own
        if role is None:
            return None if private else "reader"
        most = _MOST[self.identity.scope]
        return most if ROLES.index(most) < ROLES.index(role) else role
