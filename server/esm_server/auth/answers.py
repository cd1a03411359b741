"""Users and tokens as they travel."""

from typing import cast

from esm_client.core.schemas import NewToken, Scope, Token, User, UserKind
from esm_server.auth.repository import TokenRecord
from esm_server.db import UserRow


def as_token(found: TokenRecord) -> Token:
    """A stored token: everything but its secret, which nobody has."""
    row, user = found
    return Token(
        id=row.id or 0,
        name=row.name,
        user=user.name,
        kind=cast("UserKind", user.kind),
        scope=cast("Scope", row.scope),
        namespace=row.namespace,
        created_at=row.created_at,
        expires_at=row.expires_at,
        last_used_at=row.last_used_at,
        revoked_at=row.revoked_at,
        made_with=row.made_with,
    )


def as_new_token(found: TokenRecord, secret: str) -> NewToken:
    """A token with the secret it was just given."""
    return NewToken(**as_token(found).model_dump(), secret=secret)


def as_user(row: UserRow) -> User:
    """A stored user."""
    return User.model_validate(row, from_attributes=True)
