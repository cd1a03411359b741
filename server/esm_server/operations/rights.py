"""Who may do what in a registry at one moment: what a backup must not give back once it is taken.

It holds no secret, and nothing that a secret could be tried against: of a token's stored hash only
16 digits of a hash of it, which tell whether the secret is still the same.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any, ClassVar, Literal, TypeVar

from pydantic import BaseModel, ConfigDict

from esm_client.core.schemas import Role, Scope

TABLES = ("users", "tokens", "members", "namespaces")
Lines = Callable[[str], Iterable[bytes]]
"""The rows of a table by its name, a JSON object each, as backups have them."""


class Row(BaseModel):
    """A row as far as it grants or ends something: the fields are columns, keys are names."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    KEY: ClassVar[tuple[str, ...]] = ("name",)

    def names(self) -> dict[str, str]:
        """The names by which people know it, and which are the same in every registry."""
        return {name: getattr(self, name) for name in self.KEY}


Kind = TypeVar("Kind", bound=Row)


class UserRights(Row):
    """One user."""

    name: str
    is_admin: bool
    disabled_at: datetime | None = None
    disabled_by: str | None = None


class TokenRights(Row):
    """One token of a user."""

    KEY = ("user", "name")

    user: str
    name: str
    secret: str
    """Another one once the token was rotated."""
    scope: Scope
    namespace: str | None
    expires_at: datetime | None
    revoked_at: datetime | None


class MemberRights(Row):
    """One user's role in a namespace."""

    KEY = ("namespace", "user")

    namespace: str
    user: str
    role: Role


class NamespaceRights(Row):
    """Whether a namespace is open to everybody's eyes."""

    name: str
    private: bool


class Rights(BaseModel):
    """All of them."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: Literal[1] = 1
    as_of: datetime
    server_version: str
    registry: str
    """Tells it from others, also once it was restored: a hash of who came first, and when."""
    users: list[UserRights]
    tokens: list[TokenRights]
    members: list[MemberRights]
    namespaces: list[NamespaceRights]


ASIDE = {
    "users": {"id", "kind", "namespace", "created_at"},
    "tokens": {"id", "user_id", "secret_sha256", "created_at", "last_used_at", "made_with"},
    "members": {"user_id"},
    "namespaces": {"description", "quota_bytes", "quota_versions", "created_at", "created_by"},
}
"""Columns that grant nothing by themselves, or stand in `Rights` as a name or a digest."""


def rights_in(lines: Lines, as_of: datetime, server_version: str) -> Rights:
    """The rights in the rows of a registry; raises ValueError, KeyError for rows of no registry."""
    users = [_read(line) for line in lines("users")]
    names = {user["id"]: user["name"] for user in users}
    return Rights(
        as_of=as_of,
        server_version=server_version,
        registry=_registry(users),
        users=[_as(UserRights, user) for user in users],
        tokens=[_as(TokenRights, _token(_read(line), names)) for line in lines("tokens")],
        members=[_as(MemberRights, _named(_read(line), names)) for line in lines("members")],
        namespaces=[_as(NamespaceRights, _read(line)) for line in lines("namespaces")],
    )


def _read(line: bytes) -> dict[str, Any]:
    return json.loads(line)


def _named(row: dict[str, Any], names: dict[int, str]) -> dict[str, Any]:
    return {**row, "user": names[row["user_id"]]}


def _token(row: dict[str, Any], names: dict[int, str]) -> dict[str, Any]:
    named = _named(row, names)
    text = f"{named['user']}/{named['name']} {named['secret_sha256']}"
    return {**named, "secret": _digits(text)}


def _registry(users: Sequence[dict[str, Any]]) -> str:
    """Of the first user alone: nobody is ever removed, and tokens may all be rotated."""
    first = min(users, key=lambda user: user["id"], default=None)
    return "" if first is None else _digits(f"{first['name']} {first['created_at']}")


def _digits(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _as(kind: type[Kind], row: dict[str, Any]) -> Kind:
    return kind.model_validate({name: row[name] for name in kind.model_fields if name in row})
