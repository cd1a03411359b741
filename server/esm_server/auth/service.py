"""Creating tokens and recognising them."""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import cast

from esm_client.core.errors import Conflict, Unauthorized
from esm_client.core.references import check_name
from esm_client.core.schemas import Identity, Scope
from esm_server.auth.repository import TokenRepository
from esm_server.db import TokenRow
from esm_server.db.columns import now
from esm_server.db.database import Database

PREFIX = "esmr_"


@dataclass(frozen=True, slots=True)
class Caller:
    """Who makes a request."""

    token_id: int
    identity: Identity

    @property
    def name(self) -> str:
        """The token's name."""
        return self.identity.name

    @property
    def is_admin(self) -> bool:
        """Whether the caller may see what others own."""
        return self.identity.scope == "admin"


class AuthService:
    """Tokens of one registry."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def create(self, name: str, scope: Scope, *, lifetime: timedelta | None = None) -> str:
        """Store a new token and return its secret, which nobody can read again.

        Raises InvalidName, and Conflict when the name is taken.
        """
        check_name(name, "token name")
        secret = PREFIX + secrets.token_urlsafe(32)
        expires_at = None if lifetime is None else now() + lifetime
        with self._database.write() as session:
            tokens = TokenRepository(session)
            if tokens.by_name(name):
                raise Conflict(f"A token named {name!r} exists already.", "Choose another --name.")
            tokens.add(
                TokenRow(name=name, secret_sha256=_hash(secret), scope=scope, expires_at=expires_at)
            )
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
            token = TokenRepository(session).by_secret(_hash(secret))
        if token is None or token.id is None:
            raise Unauthorized(
                "The server does not know this token.",
                "Check it for missing characters, or ask the server's admin for a new one.",
            )
        if token.expires_at is not None and token.expires_at <= now():
            raise Unauthorized(
                f"The token {token.name!r} expired at {_shown(token.expires_at)}.",
                "Ask the server's admin for a new token.",
            )
        scope = cast("Scope", token.scope)
        return Caller(token.id, Identity(name=token.name, scope=scope, expires_at=token.expires_at))


def _hash(secret: str) -> str:
    # The secret has 256 random bits, so a slow password hash would add nothing.
    return hashlib.sha256(secret.encode()).hexdigest()


def _shown(time: datetime) -> str:
    return f"{time:%Y-%m-%d %H:%M} UTC"
