"""What users may do again once a backup is restored, and what not."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import update
from sqlmodel import Session, col

from esm_client.core.errors import InvalidInput
from esm_server.audit.record import record
from esm_server.auth.repository import TokenRepository
from esm_server.auth.secret import new_secret, secret_hash
from esm_server.auth.service import OPERATOR
from esm_server.db import TokenRow, UserRow
from esm_server.db.columns import now
from esm_server.operations.backups import Backups
from esm_server.operations.rights import Rights
from esm_server.operations.rights_list import rights_of
from esm_server.operations.taking_back import Change, fewer, gone, take_back


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked for beside the backup itself."""

    as_it_was: bool = False
    """Revoked tokens, removed members and all that comes back."""
    revoke_tokens: bool = False
    """No token works any more but a new one, an admin's."""

    def newest(self, source: Backups) -> Rights | str:
        """The newest word on rights; raises InvalidInput where it is damaged.

        Where all comes back it need not be known: then what is wrong with it.
        """
        try:
            return source.newest_rights()
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
    tokens: int = 0
    """That can be used."""
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
            "tokens": self.tokens,
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
        if wanted.as_it_was:
            back.returned = changes
        else:
            back.taken = changes
            take_back(session, changes, then.as_of)
    if wanted.revoke_tokens:
        back.revoked, back.new_token = _replace_tokens(session)
    at = now()
    left = rights_of(session, at)
    back.tokens, back.has_admin = len(left.usable_tokens(at)), left.has_admin(at)
    return back


def _replace_tokens(session: Session) -> tuple[int, tuple[str, str]]:
    """Revoke every token and make one for an admin; how many were revoked, and the new one."""
    at, secret = now(), new_secret()
    open_ones = update(TokenRow).where(col(TokenRow.revoked_at).is_(None))
    revoked = session.connection().execute(open_ones.values(revoked_at=at)).rowcount
    admin = _admin(TokenRepository(session))
    name = f"restored-{at:%Y%m%d-%H%M%S}"
    row = TokenRow(
        user_id=admin.id or 0, name=name, secret_sha256=secret_hash(secret), scope="admin"
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
        if user.kind == "person" and user.is_admin and getattr(user, "disabled_at", None) is None:
            return user
        number += 1


def _documents(changes: Iterable[Change]) -> list[dict[str, str]]:
    return [change.document() for change in changes]
