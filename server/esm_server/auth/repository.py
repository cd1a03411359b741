"""Queries on users and tokens."""

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlmodel import Session, col, func, not_, or_, select, update

from esm_client.core.schemas import UserKind
from esm_server.db import MemberRow, TokenRow, UserRow
from esm_server.db.visibility import Reader, readable

TokenRecord = tuple[TokenRow, UserRow]

_TOKENS = select(TokenRow, UserRow).join(UserRow, col(UserRow.id) == col(TokenRow.user_id))


class TokenRepository:
    """Users and tokens within one transaction."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def by_secret(self, secret_sha256: str) -> TokenRecord | None:
        """The token whose secret has this hash, and its user."""
        return self._session.exec(
            _TOKENS.where(col(TokenRow.secret_sha256) == secret_sha256)
        ).first()

    def by_id(self, token_id: int) -> TokenRecord | None:
        """The token of this id, and its user."""
        return self._session.exec(_TOKENS.where(col(TokenRow.id) == token_id)).first()

    def by_name(self, user: str, name: str) -> TokenRecord | None:
        """A user's token of this name."""
        statement = _TOKENS.where(col(UserRow.name) == user, col(TokenRow.name) == name)
        return self._session.exec(statement).first()

    def list(
        self, user: str | None, limits: Collection[str] | None, after: int | None, limit: int
    ) -> Sequence[TokenRecord]:
        """Tokens of one user, or of all, oldest first; those limited to some namespaces, or all."""
        statement = _TOKENS.order_by(col(TokenRow.id)).limit(limit)
        if user is not None:
            statement = statement.where(col(UserRow.name) == user)
        if limits is not None:
            statement = statement.where(col(TokenRow.namespace).in_(limits))
        if after is not None:
            statement = statement.where(col(TokenRow.id) > after)
        return self._session.exec(statement).all()

    def all(self) -> Sequence[TokenRecord]:
        """Every token and its user."""
        return self._session.exec(_TOKENS).all()

    def made_with(self, token_id: int) -> Sequence[TokenRecord]:
        """All tokens that were made with one, and with those, oldest first."""
        maker = col(TokenRow.made_with)
        made = select(TokenRow.id).where(maker == token_id).cte("made", recursive=True)
        made = made.union(select(TokenRow.id).join(made, maker == made.c.id))
        statement = _TOKENS.where(col(TokenRow.id).in_(select(made.c.id)))
        return self._session.exec(statement.order_by(col(TokenRow.id))).all()

    def exists(self) -> bool:
        """Whether there is any token at all."""
        return self._session.exec(select(TokenRow.id).limit(1)).first() is not None

    def add(self, token: TokenRow) -> None:
        """Store a new token, or what has changed in one."""
        self._session.add(token)
        self._session.flush()

    def touch(self, token_id: int, at: datetime) -> None:
        """Remember when a token was last used."""
        statement = update(TokenRow).where(col(TokenRow.id) == token_id).values(last_used_at=at)
        self._session.connection().execute(statement)

    def user(self, name: str) -> UserRow | None:
        """The user of this name."""
        return self._session.exec(select(UserRow).where(col(UserRow.name) == name)).first()

    def users(self, after: str | None, limit: int) -> Sequence[UserRow]:
        """All users by name."""
        statement = select(UserRow).order_by(col(UserRow.name)).limit(limit)
        if after is not None:
            statement = statement.where(col(UserRow.name) > after)
        return self._session.exec(statement).all()

    def add_user(
        self, name: str, kind: UserKind, *, namespace: str | None = None, is_admin: bool = False
    ) -> UserRow:
        """Store a new user; `namespace`: the one that a robot belongs to."""
        row = UserRow(name=name, kind=kind, namespace=namespace, is_admin=is_admin)
        self.save_user(row)
        return row

    def save_user(self, row: UserRow) -> None:
        """Store a user, or what has changed in one."""
        self._session.add(row)
        self._session.flush()

    def hidden_robots(self, reader: Reader, names: Collection[str]) -> set[str]:
        """Those of some users who are robots of namespaces that the reader may not read."""
        statement = select(UserRow.name).where(
            col(UserRow.name).in_(names),
            col(UserRow.namespace).is_not(None),
            not_(readable(reader, col(UserRow.namespace))),
        )
        return set(self._session.exec(statement).all())

    def other_admin(self, user_id: int, at: datetime, used_since: datetime | None = None) -> bool:
        """Whether somebody else can administer the registry at this time, with a token for it.

        used_since: when a token must have been made or used, not to have ended by its rest.
        """
        statement = select(TokenRow.id).join(UserRow, col(UserRow.id) == col(TokenRow.user_id))
        found = statement.where(
            col(UserRow.is_admin),
            col(UserRow.disabled_at).is_(None),
            col(UserRow.id) != user_id,
            col(TokenRow.scope) == "admin",
            col(TokenRow.namespace).is_(None),
            col(TokenRow.revoked_at).is_(None),
            or_(col(TokenRow.expires_at).is_(None), col(TokenRow.expires_at) > at),
        )
        if used_since is not None:
            last_use = func.coalesce(col(TokenRow.last_used_at), col(TokenRow.created_at))
            found = found.where(last_use > used_since)
        return self._session.exec(found.limit(1)).first() is not None

    def roles(self, user_id: int, namespace: str | None = None) -> dict[str, str]:
        """The user's role by namespace; in one namespace alone, if it is named."""
        statement = select(MemberRow.namespace, MemberRow.role).where(
            col(MemberRow.user_id) == user_id
        )
        if namespace is not None:
            statement = statement.where(col(MemberRow.namespace) == namespace)
        return dict(self._session.exec(statement).all())
