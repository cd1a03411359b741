"""What users may do again once a backup is restored, and what not."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import update
from sqlmodel import Session, col

from esm_client.core.errors import InvalidInput
from esm_server.audit.record import record
from esm_server.auth.lives import TokenLives
from esm_server.auth.repository import TokenRepository
from esm_server.auth.secret import new_secret, secret_hash
from esm_server.auth.service import OPERATOR, is_usable
from esm_server.db import TokenRow, UserRow
from esm_server.db.columns import now
from esm_server.db.database import Database
from esm_server.operations.backups import Backups
from esm_server.operations.rights import MemberRights, Rights, TokenRights
from esm_server.operations.rights_list import rights_of
from esm_server.operations.taking_back import Change, fewer, gone, take_back


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked for beside the backup itself."""

    as_it_was: bool = False
    """Revoked tokens, removed members and all that comes back."""
    revoke_tokens: bool = False
    """No token works any more but a new one, an admin's."""
    lives: TokenLives = field(default_factory=TokenLives)
    """As the settings of the registry say."""

    def newest(self, source: Backups, then: Rights | None = None) -> Rights | str:
        """The newest word on rights, as of `Backups.newest_rights`, which says what it raises.

        Where all comes back it need not be known: then what is wrong with it.
        """
        try:
            return source.newest_rights(then)
        except InvalidInput as error:
            if not self.as_it_was:
                raise
            return error.message


NOTHING_MORE = Wanted()


@dataclass(slots=True)
class RightsBack:
    """How rights were given back."""

    as_of: datetime | None = None
    """Of the newest word on them: what was revoked later came back. None where it is damaged."""
    is_newer: bool = False
    """Whether that is of later than the backup."""
    damage: str | None = None
    taken: list[Change] = field(default_factory=list[Change])
    """What the backup granted and was not given back."""
    returned: list[Change] = field(default_factory=list[Change])
    """What came back although it had been taken since, as that was asked for."""
    gone: list[Change] = field(default_factory=list[Change])
    """What was granted since and so is not there."""
    revoked: int = 0
    """Tokens that were revoked because no token was to work."""
    new_token: tuple[str, str] | None = None
    """The new admin's name, and the token's secret."""
    usable: list[TokenRights] = field(default_factory=list[TokenRights])
    """Tokens that can be used."""
    members: list[MemberRights] = field(default_factory=list[MemberRights])
    """All memberships."""
    has_admin: bool = True
    """Whether one of them is an admin's."""

    def document(self) -> dict[str, Any]:
        """For programs."""
        return {
            "as_of": None if self.as_of is None else self.as_of.isoformat(),
            "damage": self.damage,
            "taken": _documents(self.taken),
            "returned": _documents(self.returned),
            "gone": _documents(self.gone),
            "revoked": self.revoked,
            "tokens": len(self.usable),
            "usable": [{**one.names(), "scope": one.scope} for one in self.usable],
            "members": [{**one.names(), "role": one.role} for one in self.members],
            "has_admin": self.has_admin,
            "new_token": None
            if self.new_token is None
            else {"user": self.new_token[0], "token": self.new_token[1]},
        }


def give_back(session: Session, then: Rights, since: Rights | str, wanted: Wanted) -> RightsBack:
    """Leave of the rights that were just restored what shall be; then as they are `since`."""
    back = RightsBack()
    if isinstance(since, str):
        back.damage = since
    else:
        changes = fewer(then, since)
        back.as_of, back.gone = since.as_of, gone(then, since)
        back.is_newer = since.as_of > then.as_of
        if wanted.as_it_was:
            back.returned = changes
        else:
            back.taken = changes
            take_back(session, changes, then.as_of)
    if wanted.revoke_tokens:
        back.revoked, back.new_token = _replace_tokens(session, wanted.lives)
    back.members = rights_of(session, now()).members
    back.usable, back.has_admin = usable_tokens(session, wanted.lives)
    return back


def apply_newest(database: Database, source: Backups, wanted: Wanted = NOTHING_MORE) -> RightsBack:
    """Take from the users of a registry that stands what the newest word on rights does not grant.

    For one that an earlier version has restored, which knows of no such word; nothing else may use
    it meanwhile. Raises as `Backups.newest_rights`.
    """
    with database.read() as session:
        since = wanted.newest(source, rights_of(session, now()))
    with database.write() as session:
        return give_back(session, rights_of(session, now()), since, wanted)


def usable_tokens(session: Session, lives: TokenLives) -> tuple[list[TokenRights], bool]:
    """The tokens that a server with these lives would let in; whether one administers it all."""
    found = [one for one in TokenRepository(session).all() if is_usable(one, lives)]
    names = {(user.name, token.name) for token, user in found}
    tokens = rights_of(session, now()).tokens
    has_admin = any(
        user.is_admin and token.scope == "admin" and token.namespace is None
        for token, user in found
    )
    return [one for one in tokens if (one.user, one.name) in names], has_admin


def _replace_tokens(session: Session, lives: TokenLives) -> tuple[int, tuple[str, str]]:
    """Revoke every token and make one for an admin; how many were revoked, and the new one."""
    at, secret = now(), new_secret()
    open_ones = update(TokenRow).where(col(TokenRow.revoked_at).is_(None))
    revoked = session.connection().execute(open_ones.values(revoked_at=at)).rowcount
    admin = _admin(TokenRepository(session))
    name = f"restored-{at:%Y%m%d-%H%M%S}"
    row = TokenRow(
        user_id=admin.id or 0,
        name=name,
        secret_sha256=secret_hash(secret),
        scope="admin",
        expires_at=lives.end(None),
    )
    TokenRepository(session).add(row)
    detail = {"scope": "admin", "token": name, "revoked": revoked}
    record(session, (OPERATOR, ""), "token.create", admin.name, detail=detail)
    return revoked, (admin.name, secret)


def _admin(tokens: TokenRepository) -> UserRow:
    """A person who may be an admin: as at a first start, unless somebody else has that name."""
    number = 1
    while True:
        name = "admin" if number == 1 else f"admin-{number}"
        user = tokens.user(name)
        if user is None:
            return tokens.add_user(name, "person", is_admin=True)
        if user.kind == "person" and user.is_admin and user.disabled_at is None:
            return user
        number += 1


def _documents(changes: Iterable[Change]) -> list[dict[str, str]]:
    return [change.document() for change in changes]
