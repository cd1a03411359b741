"""Who asks, what they may do, and what belongs to whom."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from esm_client.core.schemas.contract import Contract, Count, Name, Text

Scope = Literal["read", "write", "admin"]
"""What a token lets its user do at most: read; change content too; administer too."""
Role = Literal["reader", "writer", "maintainer", "admin"]
"""What a user may do in a namespace; each role includes those before it."""
UserKind = Literal["person", "robot"]
LifetimeDays = Annotated[int, Field(ge=0, le=36_500)]


class ServerInfo(Contract):
    """What answers at `/v1`: proof that this is an ESM registry, and its version."""

    service: Literal["esm-registry"] = "esm-registry"
    version: str
    time: datetime | None = None
    """The server's clock; None from servers that do not tell it."""
    store: str | None = None
    """Where clients can fetch and send the bytes of files without this server, if they can."""
    takes: tuple[str, ...] = ()
    """What it takes that servers before it did not, for clients to choose by."""


class Identity(Contract):
    """Who a token belongs to."""

    name: str
    """The user."""
    kind: UserKind = "person"
    token: str = ""
    scope: Scope
    is_admin: bool = False
    """Whether the user administers the whole registry."""
    namespace: str | None = None
    """The only namespace this token works in, if it is limited to one."""
    roles: dict[str, Role] = Field(default_factory=dict[str, Role])
    """The user's role in each namespace they are a member of, and where the token works."""
    expires_at: datetime | None = None


class TokenCreate(Contract):
    """A new token, for the caller, a robot or, by an admin of the registry, another person."""

    name: Name
    scope: Scope
    user: Name | None = None
    """None: the caller. A user that does not exist yet is created; of a namespace's robot it is
    the name there, and the answer tells the whole one, `robot.NAMESPACE.NAME`."""
    kind: UserKind = "person"
    """What `user` is; one of the other kind is never taken instead."""
    namespace: Name | None = None
    """The only one the token works in; of a new robot the one it belongs to."""
    expires_in_days: LifetimeDays | None = None
    """At most: what the registry allows and the token it is made with may be less. None: what the
    registry gives."""


class Token(Contract):
    """A token as it may be shown: everything but its secret."""

    id: int
    name: str
    user: str
    kind: UserKind
    scope: Scope
    namespace: str | None
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None
    """To five minutes."""
    revoked_at: datetime | None
    made_with: int | None = None
    """The `id` of the token it was made, or last rotated, with, where that is known."""


class NewToken(Token):
    """A token that was just made or rotated, with the secret nobody can read again."""

    secret: Annotated[str, Field(repr=False)]


class NamespaceCreate(Contract):
    """A new namespace; whoever creates it becomes its admin."""

    name: Name
    description: Text = ""
    private: bool = False
    """Whether only members may see it, its ESMs in lists and rankings included."""


class NamespaceUpdate(Contract):
    """Fields to change; what is left out stays. Quotas are set by admins of the registry."""

    description: Text | None = None
    private: bool | None = None
    quota_bytes: Count | None = None
    quota_versions: Count | None = None
    """None in a quota that is sent takes the quota away."""


class Namespace(Contract):
    """A namespace: a team's or a person's part of the registry."""

    name: str
    description: str
    private: bool
    role: Role | None
    """The caller's, token's limits included; None for somebody who may only read."""
    num_esms: int
    num_versions: int
    used_bytes: int
    """Of all versions and source models; a file in two versions counts twice."""
    quota_bytes: int | None
    quota_versions: int | None
    created_at: datetime
    created_by: str


class MemberUpdate(Contract):
    """The role to give."""

    role: Role


class Member(Contract):
    """A user of a namespace."""

    user: str
    kind: UserKind
    role: Role


class User(Contract):
    """A person, or a robot: of a namespace, or of the registry itself."""

    name: str
    kind: UserKind
    namespace: str | None = None
    """Of a robot: whose admins make its tokens; None where only admins of the registry do."""
    is_admin: bool = False
    """Whether the user administers the whole registry."""
    created_at: datetime
    disabled_at: datetime | None = None
    """Since when all the user's tokens are refused."""
    disabled_by: str | None = None


class UserUpdate(Contract):
    """Whether the user's tokens are refused from now on."""

    disabled: bool
