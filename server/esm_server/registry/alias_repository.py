"""Queries on aliases and their history."""

from collections.abc import Sequence

from sqlmodel import Session, col, select

from esm_server.db import AliasMoveRow, AliasRow, EsmVersionRow

AliasRecord = tuple[AliasRow, EsmVersionRow]

_ALIASES = select(AliasRow, EsmVersionRow).join(
    EsmVersionRow, col(EsmVersionRow.id) == col(AliasRow.version_id)
)


class AliasRepository:
    """The aliases of one ESM within one transaction."""

    def __init__(self, session: Session, esm_id: int) -> None:
        self._session = session
        self._esm_id = esm_id

    def list(self, after: str | None, limit: int) -> Sequence[AliasRecord]:
        """Aliases with their versions, by name."""
        name = col(AliasRow.name)
        statement = _ALIASES.where(col(AliasRow.esm_id) == self._esm_id).order_by(name).limit(limit)
        if after is not None:
            statement = statement.where(name > after)
        return self._session.exec(statement).all()

    def find(self, alias: str) -> AliasRecord | None:
        """One alias with its version."""
        statement = _ALIASES.where(
            col(AliasRow.esm_id) == self._esm_id, col(AliasRow.name) == alias
        )
        return self._session.exec(statement).first()

    def of_version(self, version_id: int | None) -> Sequence[AliasRow]:
        """The aliases that point to a version."""
        statement = select(AliasRow).where(col(AliasRow.version_id) == version_id)
        return self._session.exec(statement).all()

    def moves(self, alias: str, before: int | None, limit: int) -> Sequence[AliasMoveRow]:
        """The history of an alias, the last move first."""
        key = col(AliasMoveRow.id)
        statement = (
            select(AliasMoveRow)
            .where(col(AliasMoveRow.esm_id) == self._esm_id, col(AliasMoveRow.alias) == alias)
            .order_by(key.desc())
            .limit(limit)
        )
        if before is not None:
            statement = statement.where(key < before)
        return self._session.exec(statement).all()

    def save(self, row: AliasRow, move: AliasMoveRow) -> None:
        """Store an alias and the step that brought it there."""
        self._session.add_all([row, move])
        self._session.flush()

    def remove(self, row: AliasRow, move: AliasMoveRow) -> None:
        """Remove an alias; the step is its last."""
        self._session.delete(row)
        self._session.add(move)
        self._session.flush()
