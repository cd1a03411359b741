"""Tokens as users handle them: list, create, rotate, revoke."""

from datetime import datetime, timedelta
from typing import cast

from sqlmodel import Session

from esm_client.core.errors import Conflict, Forbidden, NotFound
from esm_client.core.schemas import NewToken, Page, Role, Scope, Token, TokenCreate, UserKind
from esm_server.audit.record import record
from esm_server.auth.caller import SCOPES, Caller
from esm_server.auth.repository import TokenRecord, TokenRepository
from esm_server.auth.secret import new_secret, secret_hash
from esm_server.db import TokenRow, UserRow
from esm_server.db.columns import now
from esm_server.db.database import Database
from esm_server.namespaces.permissions import require_role
from esm_server.namespaces.repository import NamespaceRepository
from esm_server.pagination import Slice

_ROBOT_ROLES: dict[Scope, Role] = {"read": "reader", "write": "writer", "admin": "admin"}


class TokenService:
    """Tokens of one registry."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def list(self, caller: Caller, user: str | None, part: Slice) -> Page[Token]:
        """The caller's tokens; admins of the registry see those of one user, or of all.

        Raises Forbidden.
        """
        if user is None and not caller.is_admin:
            user = caller.name
        if user != caller.name and not caller.is_admin:
            raise Forbidden(
                f"The tokens of {user!r} are not yours.", "Only admins of the registry see others'."
            )
        with self._database.read() as session:
            rows = TokenRepository(session).list(user, part.after_number(), part.limit + 1)
        return part.page(rows, lambda found: str(found[0].id), _token)

    def create(self, caller: Caller, request: TokenCreate) -> NewToken:
        """A new token with its secret, which nobody can read again.

        For oneself with at most one's own rights. Admins of the registry make tokens for
        anybody; admins of a namespace make robots that work in it alone.
        Raises Forbidden, NotFound for an unknown namespace, Conflict for a taken name.
        """
        _check_rights(caller, request)
        with self._database.write() as session:
            tokens = TokenRepository(session)
            if request.namespace is not None:
                require_role(session, caller, request.namespace, "reader")
            user = self._user(session, caller, request)
            if tokens.by_name(user.name, request.name):
                raise Conflict(
                    f"{user.name!r} has a token named {request.name!r} already.",
                    "Choose another name, or rotate that one.",
                )
            secret = new_secret()
            row = TokenRow(
                user_id=user.id or 0,
                name=request.name,
                secret_sha256=secret_hash(secret),
                scope=request.scope,
                namespace=request.namespace,
                expires_at=_expiry(caller, request),
            )
            tokens.add(row)
            _record(session, caller, "token.create", (row, user), {"scope": request.scope})
            return NewToken(**_token((row, user)).model_dump(), secret=secret)

    def rotate(self, caller: Caller, token_id: int) -> NewToken:
        """A new secret; the old one ends at once. Raises NotFound, Conflict for a revoked one."""
        with self._database.write() as session:
            tokens, found = self._own(session, caller, token_id)
            row = found[0]
            if row.revoked_at is not None:
                raise Conflict(
                    f"The token {row.name!r} is revoked.", "Create a new one under another name."
                )
            secret = new_secret()
            row.secret_sha256 = secret_hash(secret)
            tokens.add(row)
            _record(session, caller, "token.rotate", found)
            return NewToken(**_token(found).model_dump(), secret=secret)

    def revoke(self, caller: Caller, token_id: int) -> Token:
        """End a token at once, for ever; again is no error. Raises NotFound."""
        with self._database.write() as session:
            tokens, found = self._own(session, caller, token_id)
            if found[0].revoked_at is None:
                found[0].revoked_at = now()
                tokens.add(found[0])
                _record(session, caller, "token.revoke", found)
            return _token(found)

    def _user(self, session: Session, caller: Caller, request: TokenCreate) -> UserRow:
        tokens = TokenRepository(session)
        user = tokens.user(request.user or caller.name)
        if user is not None and user.name != caller.name and not caller.is_admin:
            _check_robot(user)
        if user is None:
            user = tokens.add_user(request.user or caller.name, request.kind)
        if user.kind == "robot" and request.namespace is not None:
            namespaces = NamespaceRepository(session)
            if namespaces.member(request.namespace, user.id or 0) is None:
                namespaces.set_role(request.namespace, user.id or 0, _ROBOT_ROLES[request.scope])
        return user

    def _own(
        self, session: Session, caller: Caller, token_id: int
    ) -> tuple[TokenRepository, TokenRecord]:
        tokens = TokenRepository(session)
        found = tokens.by_id(token_id)
        if found is None or not _manages(caller, found):
            raise NotFound(
                f"There is no token {token_id} of yours.", "List them: `Client.tokens.list()`"
            )
        return tokens, found


def _manages(caller: Caller, found: TokenRecord) -> bool:
    """Whether a token is the caller's own and no stronger, or one the caller administers."""
    token, user = found
    if caller.is_admin:
        return True
    if user.id == caller.user_id:
        stronger = SCOPES.index(cast("Scope", token.scope)) > SCOPES.index(caller.identity.scope)
        return not stronger and caller.only_namespace in (None, token.namespace)
    administers = token.namespace is not None and (
        caller.role_in(token.namespace, private=True) == "admin"
    )
    return user.kind == "robot" and administers


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
    if caller.is_admin or request.user in (None, caller.name):
        return
    robots = request.kind == "robot" and request.namespace is not None
    if not (robots and caller.role_in(request.namespace or "", private=True) == "admin"):
        raise Forbidden(
            f"{caller.name!r} cannot make a token for {request.user!r}.",
            "Admins of the registry can; admins of a namespace can make robots for it: "
            "`robot=True, namespace=name`.",
        )


def _check_robot(user: UserRow) -> None:
    if user.kind != "robot":
        raise Forbidden(f"{user.name!r} is a person, not a robot.", "Choose another user name.")


def _expiry(caller: Caller, request: TokenCreate) -> datetime | None:
    """A token made with one that expires ends with it at the latest."""
    days = request.expires_in_days
    wanted = None if days is None else now() + timedelta(days=days)
    limits = [time for time in (wanted, caller.identity.expires_at) if time is not None]
    return min(limits, default=None)


def _token(found: TokenRecord) -> Token:
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
