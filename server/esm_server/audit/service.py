"""Reading the audit log."""

from esm_client.core.errors import Forbidden
from esm_client.core.schemas import AuditEvent, Page
from esm_server.audit.repository import AuditFilter, AuditRepository
from esm_server.auth.caller import Caller
from esm_server.db import AuditEventRow
from esm_server.db.database import Database
from esm_server.pagination import Slice


class AuditService:
    """The audit log of one registry."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def list(self, caller: Caller, wanted: AuditFilter, part: Slice) -> Page[AuditEvent]:
        """Events, newest first: all for admins of the registry, theirs for those of namespaces.

        Raises Forbidden for whoever administers nothing.
        """
        with self._database.read() as session:
            rows = AuditRepository(session).list(
                wanted, _administered(caller), part.after_number(), part.limit + 1
            )
        return part.page(rows, lambda row: str(row.id), _event)


def _administered(caller: Caller) -> set[str] | None:
    if caller.is_admin:
        return None
    known = {*caller.identity.roles, *filter(None, [caller.identity.namespace])}
    mine = {name for name in known if caller.role_in(name, private=True) == "admin"}
    if not mine:
        raise Forbidden(
            f"{caller.name!r} administers no namespace with this token.",
            "The audit log is for admins: use a token of the scope admin.",
        )
    return mine


def _event(row: AuditEventRow) -> AuditEvent:
    return AuditEvent.model_validate(row, from_attributes=True)
