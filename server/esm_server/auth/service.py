"""Recognising callers, and making the tokens that only the server's own command makes."""

import logging
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime, timedelta
from typing import cast

from sqlmodel import Session

from esm_client.core.errors import Conflict, StorageFull, Unauthorized, Unavailable
from esm_client.core.references import check_name, check_new_user
from esm_client.core.schemas import Identity, NewToken, Role, Scope, UserKind
from esm_server.audit.record import record
from esm_server.auth.answers import as_new_token
from esm_server.auth.caller import Caller
from esm_server.auth.lives import TokenLives
from esm_server.auth.repository import TokenRecord, TokenRepository
from esm_server.auth.secret import new_secret, secret_hash
from esm_server.db import TokenRow, UserRow
from esm_server.db.columns import now
from esm_server.db.database import Database

_LOG = logging.getLogger("esm_server")
OPERATOR = "esm-server"
"""Who the audit log names for what the server's own command did."""
TOUCH_EVERY = timedelta(minutes=5)
"""A write per request would cost more than most requests do."""


class AuthService:
    """Who may speak to one registry."""

    def __init__(self, database: Database, lives: TokenLives | None = None) -> None:
        self._database = database
        self._lives = lives or TokenLives()
        self._unnoted: set[int] = set()
        self._noted: set[int] = set()
        """Of tokens, whose use is being noted."""
        self._notes = ThreadPoolExecutor(1, "note-use")

    def create(
        self,
        user: str,
        scope: Scope,
        *,
        name: str = "default",
        kind: UserKind = "person",
        lifetime: timedelta | None = None,
        make_admin: bool = False,
    ) -> NewToken:
        """Store a new token and return it with its secret, which nobody can read again.

        The user is made if need be, then with the scope `admin` as an admin of the registry;
        `make_admin`: one that exists may become it. `lifetime` None: no end, unless tokens have a
        longest life. Raises InvalidName, and Conflict when the user is of another kind, disabled,
        no admin, or has a token of that name.
        """
        check_name(user, "user name")
        check_name(name, "token name")
        with self._database.write() as session:
            tokens = TokenRepository(session)
            owner = _owner(tokens, user, kind, is_admin=scope == "admin", make_admin=make_admin)
            if tokens.by_name(user, name):
                raise Conflict(
                    f"{user!r} has a token named {name!r} already.", "Choose another `name`."
                )
            secret = new_secret()
            row = TokenRow(
                user_id=owner.id or 0,
                name=name,
                secret_sha256=secret_hash(secret),
                scope=scope,
                expires_at=self._lives.end(lifetime),
            )
            tokens.add(row)
            detail = {"scope": scope, "token": name}
            record(session, (OPERATOR, ""), "token.create", user, detail=detail)
            return as_new_token((row, owner), secret)

    def is_new(self) -> bool:
        """Whether nobody has a token yet."""
        with self._database.read() as session:
            return not TokenRepository(session).exists()

    def create_first(self) -> str | None:
        """The secret of a first admin token, or None when there are tokens already."""
        return self.create("admin", "admin").secret if self.is_new() else None

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
            caller = self._caller(session, found)
        used = found[0].last_used_at
        if used is None or now() - used >= TOUCH_EVERY:
            self._unnoted.add(caller.token_id)
        return caller

    def note_use(self, caller: Caller) -> Future[None] | None:
        """Begin to note that a token is used, if it is time and nobody does so; done when that is.

        In a thread of its own, as it waits for the writers before it. Called by the event loop.
        """
        token_id = caller.token_id
        if token_id not in self._unnoted or token_id in self._noted:
            return None
        self._noted.add(token_id)
        return self._notes.submit(self._note, token_id)

    def _note(self, token_id: int) -> None:
        try:
            with suppress(StorageFull, Unavailable), self._database.write() as session:
                TokenRepository(session).touch(token_id, now())
        except Exception as error:  # else nobody would hear of it
            _LOG.exception("the use of a token could not be noted", exc_info=error)
        finally:
            self._unnoted.discard(token_id)
            self._noted.discard(token_id)

    def of_token(self, token_id: int) -> Caller:
        """Whoever owns a token, for work they left behind; raises Unauthorized if it has ended."""
        with self._database.read() as session:
            return self._caller(session, _found(session, token_id))

    def recheck(self, caller: Caller) -> None:
        """Raise Unauthorized as `check_still`."""
        with self._database.read() as session:
            check_still(session, caller)

    def _caller(self, session: Session, found: TokenRecord) -> Caller:
        token, user = found
        check_usable(found, self._lives)
        if token.id is None or user.id is None:
            raise LookupError("a stored token has no key")
        roles = TokenRepository(session).roles(user.id, token.namespace)
        identity = Identity(
            name=user.name,
            kind=cast("UserKind", user.kind),
            token=token.name,
            scope=cast("Scope", token.scope),
            is_admin=user.is_admin,
            namespace=token.namespace,
            roles=cast("dict[str, Role]", roles),
            expires_at=token.expires_at,
        )
        return Caller(token.id, user.id, identity, token.secret_sha256)


def check_still(session: Session, caller: Caller) -> None:
    """Raise Unauthorized if the caller would not be let in any more, whose request began earlier.

    The body of a request may take its time: meanwhile the token may have been revoked, rotated or
    expired, or its user disabled. Whoever changes something looks again, within the transaction.
    """
    if not caller.token_id:
        return
    found = _found(session, caller.token_id)
    check_usable(found, TokenLives())
    if found[0].secret_sha256 != caller.secret_sha256:
        raise Unauthorized(
            f"The token {found[0].name!r} was rotated since the request began.",
            "Send it again with the new secret.",
        )


def check_usable(found: TokenRecord, lives: TokenLives) -> None:
    """Raise Unauthorized for a token that has ended, or whose user is disabled."""
    token, user = found
    if user.disabled_at is not None:
        raise Unauthorized(
            f"The user {user.name!r} was disabled at {_shown(user.disabled_at)}.",
            "Ask an admin of the registry.",
        )
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
    last_use = token.last_used_at or token.created_at
    if lives.rested(last_use):
        raise Unauthorized(
            f"The token {token.name!r} ended: it was not used since {_shown(last_use)}.",
            "Ask the server's admin for a new token.",
        )


def is_usable(found: TokenRecord, lives: TokenLives) -> bool:
    """Whether a token would be let in."""
    try:
        check_usable(found, lives)
    except Unauthorized:
        return False
    return True


def check_enabled(user: UserRow) -> None:
    """Raise Conflict for a user who is disabled: no token can be made for them."""
    if user.disabled_at is not None:
        raise Conflict(
            f"The user {user.name!r} was disabled at {_shown(user.disabled_at)}.",
            "An admin of the registry can enable them again.",
        )


def _owner(
    tokens: TokenRepository, name: str, kind: UserKind, *, is_admin: bool, make_admin: bool
) -> UserRow:
    """The user a token is made for: never one of another kind, or with more rights than before."""
    user = tokens.user(name)
    if user is None:
        return tokens.add_user(check_new_user(name), kind, is_admin=is_admin)
    if user.kind != kind:
        how = "Choose another `user`" + (", or pass `robot`." if kind == "person" else ".")
        raise Conflict(f"{name!r} is a {user.kind}, not a {kind}.", how)
    check_enabled(user)
    if is_admin and user.namespace is not None:
        raise Conflict(
            f"{name!r} is a robot of {user.namespace!r} and cannot administer the registry.",
            "Choose another `user`.",
        )
    if is_admin and not (user.is_admin or make_admin):
        raise Conflict(
            f"{name!r} exists already and is no admin of the registry.",
            "Choose another `user`, or pass `make_admin`.",
        )
    if is_admin and not user.is_admin:
        user.is_admin = True
        tokens.save_user(user)
    return user


def _found(session: Session, token_id: int) -> TokenRecord:
    found = TokenRepository(session).by_id(token_id)
    if found is None:
        raise Unauthorized("The token is gone.", "Ask the server's admin for a new one.")
    return found


def _shown(time: datetime) -> str:
    return f"{time:%Y-%m-%d %H:%M} UTC"
