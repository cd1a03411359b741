"""Queries on namespaces and members."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import cast

from sqlmodel import Session, col, func, not_, select

from esm_client.core.schemas import Role
from esm_server.db import (
    EsmRow,
    EsmVersionRow,
    MemberRow,
    NamespaceRow,
    SourceModelRow,
    UserRow,
)
from esm_server.db.visibility import Reader, readable


@dataclass(frozen=True, slots=True)
class Usage:
    """What lies in a namespace."""

    num_esms: int = 0
    num_versions: int = 0
    num_bytes: int = 0


class NamespaceRepository:
    """Namespaces and members within one transaction."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def find(self, name: str) -> NamespaceRow | None:
        """The namespace of this name."""
        return self._session.exec(
            select(NamespaceRow).where(col(NamespaceRow.name) == name)
        ).first()

    def list(self, reader: Reader, after: str | None, limit: int) -> Sequence[NamespaceRow]:
        """The namespaces the reader may see, by name."""
        name = col(NamespaceRow.name)
        statement = select(NamespaceRow).where(readable(reader, name)).order_by(name).limit(limit)
        if after is not None:
            statement = statement.where(name > after)
        return self._session.exec(statement).all()

    def hidden(self, reader: Reader, names: Collection[str]) -> set[str]:
        """Those of some namespaces that the reader may not read."""
        name = col(NamespaceRow.name)
        statement = select(NamespaceRow.name).where(name.in_(names), not_(readable(reader, name)))
        return set(self._session.exec(statement).all())

    def save(self, row: NamespaceRow) -> None:
        """Store a namespace, or what has changed in one."""
        self._session.add(row)
        self._session.flush()

    def usage(self, name: str) -> Usage:
        """What lies in a namespace."""
        of_esms = (
            select(
                func.count(func.distinct(col(EsmRow.id))),
                func.count(col(EsmVersionRow.id)),
                func.coalesce(func.sum(col(EsmVersionRow.size)), 0),
                func.coalesce(func.sum(col(SourceModelRow.size)), 0),
            )
            .join(EsmVersionRow, col(EsmVersionRow.esm_id) == col(EsmRow.id))
            .outerjoin(SourceModelRow, col(SourceModelRow.version_id) == col(EsmVersionRow.id))
            .where(col(EsmRow.namespace) == name)
        )
        esms, versions, files, models = self._session.exec(of_esms).one()
        return Usage(esms, versions, int(files) + int(models))

    def members(self, name: str) -> Sequence[tuple[MemberRow, UserRow]]:
        """The members of a namespace by user name."""
        statement = (
            select(MemberRow, UserRow)
            .join(UserRow, col(UserRow.id) == col(MemberRow.user_id))
            .where(col(MemberRow.namespace) == name)
            .order_by(col(UserRow.name))
        )
        return self._session.exec(statement).all()

    def member(self, name: str, user_id: int) -> MemberRow | None:
        """The membership of one user."""
        statement = select(MemberRow).where(
            col(MemberRow.namespace) == name, col(MemberRow.user_id) == user_id
        )
        return self._session.exec(statement).first()

    def role(self, name: str, user_id: int) -> Role | None:
        """The role of one user, if they are a member."""
        member = self.member(name, user_id)
        return None if member is None else cast("Role", member.role)

    def set_role(self, name: str, user_id: int, role: Role) -> None:
        """Make somebody a member, or change their role."""
        self._session.merge(MemberRow(namespace=name, user_id=user_id, role=role))
        self._session.flush()

    def remove_member(self, member: MemberRow) -> None:
        """End a membership."""
        self._session.delete(member)
        self._session.flush()
