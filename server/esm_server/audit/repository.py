"""Queries on the audit log."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session, col, select

from esm_server.db import AuditEventRow


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """Which events are asked for; None: any."""

    user: str | None = None
    action: str | None = None
    """A whole action, or its first word: `alias` finds `alias.move`."""
    subject: str | None = None
    namespace: str | None = None
    since: datetime | None = None
    until: datetime | None = None


class AuditRepository:
    """The audit log within one transaction."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def list(
        self, wanted: AuditFilter, namespaces: set[str] | None, before: int | None, limit: int
    ) -> Sequence[AuditEventRow]:
        """Events, newest first; `namespaces` limits them to some, None does not."""
        statement = select(AuditEventRow).order_by(col(AuditEventRow.id).desc()).limit(limit)
        equal = {
            AuditEventRow.user: wanted.user,
            AuditEventRow.subject: wanted.subject,
            AuditEventRow.namespace: wanted.namespace,
        }
        for column, value in equal.items():
            if value is not None:
                statement = statement.where(col(column) == value)
        if wanted.action is not None:
            action = col(AuditEventRow.action)
            # from its dot to before the next character: LIKE tells capitals on PostgreSQL alone
            below = (action >= f"{wanted.action}.") & (action < f"{wanted.action}/")
            statement = statement.where((action == wanted.action) | below)
        if namespaces is not None:
            statement = statement.where(col(AuditEventRow.namespace).in_(namespaces))
        if wanted.since is not None:
            statement = statement.where(col(AuditEventRow.at) >= wanted.since)
        if wanted.until is not None:
            statement = statement.where(col(AuditEventRow.at) < wanted.until)
        if before is not None:
            statement = statement.where(col(AuditEventRow.id) < before)
        return self._session.exec(statement).all()
