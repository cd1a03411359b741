"""Taking back what a backup grants and newer word on rights does not.

Rights only ever become fewer by it: what was granted later is not in the backup and stays out, for
it may be what the backup is restored against.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import delete, select, update
from sqlmodel import Session

from esm_server.audit.record import record
from esm_server.auth.caller import ROLES, SCOPES
from esm_server.auth.service import OPERATOR
from esm_server.db.columns import metadata
from esm_server.operations.rights import Kind, Rights, TokenRights, UserRights


@dataclass(frozen=True, slots=True)
class Change:
    """A right that somebody had at one moment and has not at another."""

    table: str
    names: dict[str, str]
    was: str
    why: str
    values: dict[str, Any]
    """What its columns become; without any the row goes."""

    def document(self) -> dict[str, str]:
        """For programs."""
        kind = self.table.removesuffix("s")
        return {"kind": kind, **self.names, "was": self.was, "why": self.why}

    def __str__(self) -> str:
        names = self.names
        match self.table:
            case "tokens":
                what = f"token {names['name']} of {names['user']} ({self.was})"
            case "members":
                what = f"{names['user']} as {self.was} in {names['namespace']}"
            case _:
                what = f"{names['name']} ({self.was})"
        return f"{what}: {self.why}"


def fewer(then: Rights, since: Rights) -> list[Change]:
    """What was granted then and is not any more; what is unknown since grants nothing."""
    return [
        *_fewer_tokens(then, since),
        *_fewer_members(then, since),
        *_fewer_users(then, since),
        *_fewer_open(then, since),
    ]


def gone(then: Rights, since: Rights) -> list[Change]:
    """Tokens and memberships of later, which are not there then: they have to be made again."""
    tokens, members = _by_names(then.tokens), _by_names(then.members)
    found = [
        Change("tokens", one.names(), one.scope, "made since", {})
        for key, one in _by_names(since.tokens).items()
        if one.revoked_at is None and key not in tokens
    ]
    return found + [
        Change("members", one.names(), one.role, "only since", {})
        for key, one in _by_names(since.members).items()
        if key not in members
    ]


def take_back(session: Session, changes: Sequence[Change], as_of: datetime) -> None:
    """Make the changes in a registry that was just filled, and note them in its audit log."""
    users = metadata.tables["users"].c
    for change in changes:
        table = metadata.tables[change.table]
        where = [
            table.c.user_id == select(users.id).where(users.name == value).scalar_subquery()
            if column == "user"
            else table.c[column] == value
            for column, value in change.names.items()
        ]
        kept = update(table).where(*where).values(change.values)
        session.connection().execute(kept if change.values else delete(table).where(*where))
        names = change.names
        record(
            session,
            (OPERATOR, ""),
            "restore.take_back",
            names.get("user") or names["name"],
            namespace=names["name"] if change.table == "namespaces" else names.get("namespace"),
            detail={"backup": as_of.isoformat(), **change.document()},
        )


def _fewer_tokens(then: Rights, since: Rights) -> Iterator[Change]:
    later = _by_names(since.tokens)
    for key, token in _by_names(then.tokens).items():
        if token.revoked_at is None:
            values, why = _less(token, later.get(key), since.as_of)
            if values:
                yield Change("tokens", token.names(), token.scope, why, values)


def _less(
    token: TokenRights, later: TokenRights | None, as_of: datetime
) -> tuple[dict[str, Any], str]:
    """What becomes of a token, and why; nothing where it still grants as much."""
    if later is None or later.namespace != token.namespace:
        return {"revoked_at": as_of}, "not known any more"
    if later.revoked_at is not None:
        return {"revoked_at": later.revoked_at}, f"revoked {shown(later.revoked_at)}"
    if later.secret != token.secret:
        return {"revoked_at": as_of}, "its secret was changed"
    values: dict[str, Any] = {}
    why: list[str] = []
    if SCOPES.index(later.scope) < SCOPES.index(token.scope):
        values["scope"] = later.scope
        why.append(f"{later.scope} now")
    end = later.expires_at
    if end is not None and (token.expires_at is None or end < token.expires_at):
        values["expires_at"] = end
        why.append(f"ends {shown(end)}")
    return values, ", ".join(why)


def _fewer_members(then: Rights, since: Rights) -> Iterator[Change]:
    later = _by_names(since.members)
    for key, member in _by_names(then.members).items():
        found = later.get(key)
        if found is None:
            yield Change("members", member.names(), member.role, "no member any more", {})
        elif ROLES.index(found.role) < ROLES.index(member.role):
            values = {"role": found.role}
            yield Change("members", member.names(), member.role, f"{found.role} now", values)


def _fewer_users(then: Rights, since: Rights) -> Iterator[Change]:
    later = _by_names(since.users)
    for key, user in _by_names(then.users).items():
        found = later.get(key) or UserRights(name=user.name, is_admin=False)
        if user.is_admin and not found.is_admin:
            why = "does not administer the registry any more"
            yield Change("users", user.names(), "admin", why, {"is_admin": False})
        if found.disabled_at is not None and user.disabled_at is None:
            values = {"disabled_at": found.disabled_at, "disabled_by": found.disabled_by}
            why = f"disabled {shown(found.disabled_at)}"
            yield Change("users", user.names(), "user", why, values)


def _fewer_open(then: Rights, since: Rights) -> Iterator[Change]:
    later = _by_names(since.namespaces)
    for key, namespace in _by_names(then.namespaces).items():
        found = later.get(key)
        if not namespace.private and (found is None or found.private):
            why = "not known any more, so private" if found is None else "private now"
            yield Change("namespaces", namespace.names(), "public", why, {"private": True})


def _by_names(rows: Iterable[Kind]) -> dict[tuple[str, ...], Kind]:
    return {tuple(row.names().values()): row for row in rows}


def shown(time: datetime) -> str:
    """A time for people."""
    return f"{time:%Y-%m-%d %H:%M:%S} UTC"
