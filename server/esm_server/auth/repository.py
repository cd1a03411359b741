"""Queries on tokens."""

from sqlmodel import Session, col, select

from esm_server.db import TokenRow


class TokenRepository:
    """Tokens within one transaction."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def by_secret(self, secret_sha256: str) -> TokenRow | None:
        """The token whose secret has this hash."""
        statement = select(TokenRow).where(col(TokenRow.secret_sha256) == secret_sha256)
        return self._session.exec(statement).first()

    def by_name(self, name: str) -> TokenRow | None:
        """The token of this name."""
        return self._session.exec(select(TokenRow).where(col(TokenRow.name) == name)).first()

    def exists(self) -> bool:
        """Whether there is any token at all."""
        return self._session.exec(select(TokenRow.id).limit(1)).first() is not None

    def add(self, token: TokenRow) -> None:
        """Store a new token."""
        self._session.add(token)
        self._session.flush()
