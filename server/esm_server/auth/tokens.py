"""Tokens as users handle them: list, create, rotate, revoke."""

from datetime import timedelta
from typing import cast

from sqlmodel import Session

from esm_client.core.errors import Conflict, Forbidden, NotFound
from esm_client.core.schemas import NewToken, Page, Scope, Token, TokenCreate
from esm_server.audit.record import record
from esm_server.auth.answers import as_new_token, as_token
from esm_server.auth.caller import SCOPES, Caller
from esm_server.auth.lives import TokenLives, outlives
from esm_server.auth.owners import owner_of
from esm_server.auth.repository import TokenRecord, TokenRepository
from esm_server.auth.robots import administers, answers_for
from esm_server.auth.secret import new_secret, secret_hash
from esm_server.auth.service import check_enabled, check_still
from esm_server.db import TokenRow, UserRow
from esm_server.db.columns import now
from esm_server.db.database import Database
from esm_server.namespaces.permissions import require_role
from esm_server.pagination import Slice


class TokenService:
    """Tokens of one registry."""

    def __init__(self, database: Database, lives: TokenLives) -> None:
        self._database, self._lives = database, lives

    def list(self, caller: Caller, user: str | None, part: Slice) -> Page[Token]:
        """The caller's tokens, or those of a robot that they answer for or may end.

        A token that is limited to a namespace sees those alone that are limited to it too. Admins
        of the registry see those of one user, or of all. Raises Forbidden.
        """
        if user is None and not caller.is_admin:
            user = caller.name
        with self._database.read() as session:
            limits = _listed(session, caller, user)
            after, limit = part.after_number(), part.limit + 1
            rows = TokenRepository(session).list(user, limits, after, limit)
        return part.page(rows, lambda found: str(found[0].id), as_token)

    def create(self, caller: Caller, request: TokenCreate) -> NewToken:
        """A new token with its secret, which nobody can read again.

        It has at most the rights of the token it is made with and lives no longer. Admins of the
        registry make tokens for anybody; admins of a namespace for its robots.
        Raises Forbidden, NotFound for an unknown namespace, InvalidName, and Conflict for a taken
        name, a user of another kind or one who is disabled.
        """
        _check_rights(caller, request)
        days = request.expires_in_days
        wanted = self._lives.default if days is None else timedelta(days=days)
        with self._database.write() as session:
            check_still(session, caller)
            tokens = TokenRepository(session)
            if request.namespace is not None:
                require_role(session, caller, request.namespace, "reader")
            user = owner_of(session, caller, request)
            check_enabled(user)
            if tokens.by_name(user.name, request.name):
                raise Conflict(
                    f"{user.name!r} has a token named {request.name!r} already.",
                    "Choose another name, or rotate that one: `Client.tokens.rotate(number)`",
                )
            secret = new_secret()
            row = TokenRow(
                user_id=user.id or 0,
                name=request.name,
                secret_sha256=secret_hash(secret),
                scope=request.scope,
                namespace=request.namespace,
                expires_at=self._lives.end(wanted, caller.identity.expires_at),
                made_with=caller.token_id or None,
            )
            tokens.add(row)
            _record(session, caller, "token.create", (row, user), {"scope": request.scope})
            return as_new_token((row, user), secret)

    def rotate(self, caller: Caller, token_id: int) -> NewToken:
        """A new secret; the old one ends at once, and the token when it would have ended.

        One that would live longer than tokens may by now lives as long as a new one.
        Raises NotFound, Forbidden for a token that is stronger or lives longer than the caller's,
        Conflict for a revoked one.
        """
        with self._database.write() as session:
            found = _governed(session, caller, token_id)
            row = found[0]
            if outlives(row.expires_at, caller.identity.expires_at):
                raise Forbidden(
                    f"The token {row.name!r} lives longer than {caller.identity.token!r}, with "
                    "which it would be rotated.",
                    "Use one that lives as long.",
                )
            if row.revoked_at is not None:
                raise Conflict(
                    f"The token {row.name!r} is revoked.", "Create a new one under another name."
                )
            secret = new_secret()
            row.secret_sha256 = secret_hash(secret)
            row.expires_at = self._lives.end(None, row.expires_at)
            row.last_used_at = now()  # else one that rested for too long would stay ended
            if caller.token_id not in (0, row.id):  # whoever has that token has this secret too
                row.made_with = caller.token_id
            TokenRepository(session).add(row)
            _record(session, caller, "token.rotate", found)
            return as_new_token(found, secret)

    def revoke(self, caller: Caller, token_id: int, *, with_made: bool = False) -> Token:
        """End a token at once, for ever, and if asked all that was made with it; again is no error.

        Admins of a namespace end any robot's token that is limited to it.
        Raises NotFound, Forbidden for a token that is stronger than the caller's, and where some
        that was made with it is not the caller's to end: then nothing is changed.
        """
        with self._database.write() as session:
            found = _revocable(session, caller, token_id)
            made = _made_with(session, caller, token_id) if with_made else []
            for one in (found, *made):
                if one[0].revoked_at is None:
                    one[0].revoked_at = now()
                    TokenRepository(session).add(one[0])
                    _record(session, caller, "token.revoke", one)
            return as_token(found)


def _listed(session: Session, caller: Caller, user: str | None) -> set[str] | None:
    """The namespaces to one of which the tokens that are shown are limited, None for all."""
    if caller.is_admin:
        return None
    if user == caller.name:
        return None if caller.only_namespace is None else {caller.only_namespace}
    tokens = TokenRepository(session)
    row = None if user is None else tokens.user(user)
    if row is not None and answers_for(session, caller, row):
        return None if row.namespace is None else {row.namespace}
    if row is not None and row.kind == "robot":
        theirs = {name for name in caller.identity.roles if administers(session, caller, name)}
        if tokens.list(row.name, theirs, None, 1):
            return theirs
    raise Forbidden(
        f"The tokens of {user!r} are not yours.",
        "Only admins of the registry see others', and those of a namespace its robots'.",
    )


def _revocable(session: Session, caller: Caller, token_id: int) -> TokenRecord:
    """A token that the caller may end; raises as `_governed`."""
    found = TokenRepository(session).by_id(token_id)
    if found is None or not _works_for_admins(session, caller, found):
        return _governed(session, caller, token_id)
    check_still(session, caller)
    return found


def _works_for_admins(session: Session, caller: Caller, found: TokenRecord) -> bool:
    """Whether it is a robot's, for a namespace that the caller administers.

    Robots from before they had namespaces are left to the registry, but not what they do in one.
    """
    row, user = found
    is_limited = user.kind == "robot" and row.namespace is not None
    return is_limited and administers(session, caller, row.namespace or "")


def _made_with(session: Session, caller: Caller, token_id: int) -> list[TokenRecord]:
    """What was made with a token and still works, all of it the caller's to end; else Forbidden."""
    records = TokenRepository(session).made_with(token_id)
    working = [one for one in records if one[0].revoked_at is None]
    for row, user in working:
        if not (
            answers_for(session, caller, user) or _works_for_admins(session, caller, (row, user))
        ):
            raise Forbidden(
                f"The token {row.name!r} of {user.name!r} was made with it and is not yours.",
                "Ask an admin of the registry, or revoke without what was made with it.",
            )
    return working


def _governed(session: Session, caller: Caller, token_id: int) -> TokenRecord:
    """A token that the caller may end, and may rotate if it lives no longer.

    Raises NotFound for what the caller would not be shown either, Forbidden for a stronger one.
    """
    check_still(session, caller)
    found = TokenRepository(session).by_id(token_id)
    answers = found is not None and answers_for(session, caller, found[1])
    own = found is not None and found[1].id == caller.user_id
    if found is None or not (answers or own) or not _reaches(caller, *found):
        raise NotFound(
            f"There is no token {token_id} of yours.", "List them: `Client.tokens.list()`"
        )
    if not answers:
        raise Forbidden(
            f"{caller.name!r} is a robot and does not decide about its tokens.",
            "Admins of its namespace do, or of the registry.",
        )
    row, identity = found[0], caller.identity
    if SCOPES.index(cast("Scope", row.scope)) > SCOPES.index(identity.scope):
        raise Forbidden(
            f"The token {row.name!r} has the scope {row.scope!r}, more than {identity.token!r} "
            f"with {identity.scope!r}.",
            "Use a token with that scope.",
        )
    return found


def _reaches(caller: Caller, row: TokenRow, user: UserRow) -> bool:
    """Whether a token works nowhere that the caller has no say in."""
    if caller.is_admin:
        return True
    if user.kind == "robot" and row.namespace != user.namespace:
        return False  # made by an admin of the registry
    return caller.only_namespace in (None, row.namespace)


def _check_rights(caller: Caller, request: TokenCreate) -> None:
    if SCOPES.index(request.scope) > SCOPES.index(caller.identity.scope):
        raise Forbidden(
            f"The token {caller.identity.token!r} has the scope {caller.identity.scope!r} and "
            f"cannot make one of the scope {request.scope!r}.",
            "Ask for a smaller scope, or use a stronger token.",
        )
    if caller.only_namespace not in (None, request.namespace):
        raise Forbidden(
            f"The token {caller.identity.token!r} works in {caller.only_namespace!r} only.",
            f'Limit the new token to it: `namespace="{caller.only_namespace}"`',
        )


def _record(
    session: Session,
    caller: Caller,
    action: str,
    found: TokenRecord,
    detail: dict[str, str] | None = None,
) -> None:
    row, user = found
    named = {"token": row.name, **(detail or {})}
    record(session, caller, action, user.name, namespace=row.namespace, detail=dict(named))
