"""Whom an operation acts for that goes the way of requests."""

from sqlmodel import Session

from esm_client.core.errors import NotFound
from esm_client.core.schemas import Identity
from esm_server.auth.caller import Caller
from esm_server.auth.repository import TokenRepository
from esm_server.auth.service import OPERATOR


def everything() -> Caller:
    """A reader who sees private namespaces too, and is nobody."""
    return Caller(
        0, 0, Identity(name=OPERATOR, kind="robot", token="", scope="read", is_admin=True)
    )


def administering() -> Caller:
    """An admin of the registry who is nobody of it: its operator."""
    identity = Identity(name=OPERATOR, kind="robot", token="", scope="admin", is_admin=True)
    return Caller(0, 0, identity)


def acting_for(session: Session, user: str) -> Caller:
    """An admin of the registry under a user's name; raises NotFound."""
    row = TokenRepository(session).user(user)
    if row is None:
        raise NotFound(
            f"There is no user named {user[:100]!r}.", "Name one with --user who has a token."
        )
    identity = Identity(name=row.name, kind="robot", token=OPERATOR, scope="admin", is_admin=True)
    return Caller(0, row.id or 0, identity)
