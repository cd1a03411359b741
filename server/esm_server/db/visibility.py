"""Which namespaces a caller may read, as a condition on a column that names one."""

from typing import Any, Protocol

from sqlalchemy import ColumnElement, and_, true
from sqlmodel import col, select

from esm_server.db.namespace import MemberRow, NamespaceRow


class Reader(Protocol):
    """What decides: the user, whether they see everything, and a token's only namespace."""

    @property
    def user_id(self) -> int: ...  # noqa: D102
    @property
    def sees_all(self) -> bool: ...  # noqa: D102
    @property
    def only_namespace(self) -> str | None: ...  # noqa: D102


def readable(reader: Reader, namespace: Any) -> ColumnElement[bool]:
    """The rows whose `namespace` is not private, or has the caller as a member."""
    allowed: ColumnElement[bool] = true()
    if not reader.sees_all:
        mine = select(MemberRow.namespace).where(col(MemberRow.user_id) == reader.user_id)
        hidden = select(NamespaceRow.name).where(
            col(NamespaceRow.private), col(NamespaceRow.name).not_in(mine)
        )
        allowed = namespace.not_in(hidden)
    if reader.only_namespace is not None:
        allowed = and_(allowed, namespace == reader.only_namespace)
    return allowed
