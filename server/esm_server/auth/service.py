"""Recognising callers, and making the tokens that only the server's own command makes."""

from contextlib import suppress
from datetime import datetime, timedelta
from typing import cast

from sqlmodel import Session

from esm_client.core.errors import Conflict, StorageFull, Unauthorized, Unavailable
from esm_client.core.references import check_name
from esm_client.core.schemas import Identity, Role, Scope, UserKind
from esm_server.audit.record import record
from esm_server.auth.caller import Caller
from esm_server.auth.repository import TokenRecord, TokenRepository
from esm_server.auth.secret import new_secret, secret_hash
from esm_server.db import TokenRow
from esm_server.db.columns import now
from esm_server.db.database import Database

OPERATOR = "esm-server"
"""Who the audit log names for what the server's own command did."""
TOUCH_EVERY = timedelta(minutes=5)
"""A write per request would cost more than most requests do."""


class AuthService:
    """Who may speak to one registry."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def create(
        self,
        user: str,
        scope: Scope,
        *,
        name: str = "default",
        kind: UserKind = "person",
        lifetime: timedelta | None = None,
    ) -> str:
        """Store a new token and return its secret, which nobody can read again.

        The user is made if need be; the scope `admin` makes them an admin of the registry.
        Raises InvalidName, and Conflict when the user has a token of that name.
        """
        check_name(user, "user name")
        check_name(name, "token name")
        secret = new_secret()
        with self._database.write() as session:
            tokens = TokenRepository(session)
            owner = tokens.user(user) or tokens.add_user(user, kind)
            if scope == "admin":
                owner.is_admin = True
            if tokens.by_name(user, name):
                raise Conflict(
                    f"{user!r} has a token named {name!r} already.", "Choose another `name`."
                )
            row = TokenRow(
                user_id=owner.id or 0,
                name=name,
                secret_sha256=secret_hash(secret),
                scope=scope,
                expires_at=None if lifetime is None else now() + lifetime,
            )
            tokens.add(row)
            detail = {"scope": scope, "token": name}
            record(session, (OPERATOR, ""), "token.create", user, detail=detail)
        return secret

    def create_first(self) -> str | None:
        """The secret of a first admin token, or None when there are tokens already."""
        with self._database.read() as session:
            if TokenRepository(session).exists():
                return None
        return self.create("admin", "admin")

    def recognise(self, secret: str) -> Caller:
        """Whose token this is; raises Unauthorized.

        The secret is found by its hash, so comparing takes no time that depends on the secret.
        """
        with self._database.read() as session:
            found = TokenRepository(session).by_secret(secret_hash(secret))
            if found is None:
                raise Unauthorized(
                    "The server does not know this token.",
                    "Check it for missing characters, or ask the server's admin for a new one.",
                )
            caller = _caller(session, found)
        self._touch(found[0])
        return caller

    def of_token(self, token_id: int) -> Caller:
        """Whoever owns a token, for work they left behind; raises Unauthorized as `recheck`."""
        with self._database.read() as session:
            found = TokenRepository(session).by_id(token_id)
            if found is None:
                raise Unauthorized("The token is gone.", "Ask the server's admin for a new one.")
            return _caller(session, found)

    def recheck(self, caller: Caller) -> None:
        """Raise Unauthorized if the token was revoked or expired since the request began."""
        with self._database.read() as session:
            found = TokenRepository(session).by_id(caller.token_id)
            if found is None:
                raise Unauthorized("The token is gone.", "Ask the server's admin for a new one.")
            check_usable(found[0])

    def _touch(self, token: TokenRow) -> None:
        if token.last_used_at is not None and now() - token.last_used_at < TOUCH_EVERY:
            return
        with suppress(StorageFull, Unavailable), self._database.write() as session:
            TokenRepository(session).touch(token.id or 0, now())


def check_usable(token: TokenRow) -> None:
    """Raise Unauthorized for a token that is revoked or has expired."""
    if token.revoked_at is not None:
        raise Unauthorized(
            f"The token {token.name!r} was revoked at {_shown(token.revoked_at)}.",
            "Make a new one with: `Client.tokens.create()`, or ask the server's admin.",
        )
    if token.expires_at is not None and token.expires_at <= now():
        raise Unauthorized(
            f"The token {token.name!r} expired at {_shown(token.expires_at)}.",
            "Ask the server's admin for a new token.",
        )


def _caller(session: Session, found: TokenRecord) -> Caller:
    token, user = found
    check_usable(token)
    if token.id is None or user.id is None:
        raise LookupError("a stored token has no key")
    identity = Identity(
        name=user.name,
        kind=cast("UserKind", user.kind),
        token=token.name,
        scope=cast("Scope", token.scope),
        is_admin=user.is_admin,
        namespace=token.namespace,
        roles=cast("dict[str, Role]", TokenRepository(session).roles(user.id)),
        expires_at=token.expires_at,
    )
    return Caller(token.id, user.id, identity)


def _shown(time: datetime) -> str:
    return f"{time:%Y-%m-%d %H:%M} UTC"
