"""/v1/audit."""

from datetime import datetime
from typing import Annotated

from litestar import Controller, get
from litestar.params import Parameter

from esm_client.core.errors import InvalidInput
from esm_client.core.schemas import AuditEvent, Page
from esm_server.audit.repository import AuditFilter
from esm_server.audit.service import AuditService
from esm_server.auth.caller import Caller
from esm_server.auth.guards import requires
from esm_server.pagination import DEFAULT_LIMIT, After, Limit, Slice
from esm_server.problems import problems

Word = Annotated[str | None, Parameter(max_length=300)]


class AuditController(Controller):
    """Who did what to which thing."""

    path = "/v1/audit"
    tags = ("audit",)
    guards = (requires("admin"),)

    @get("/", responses=problems(), sync_to_thread=True)
    def list_events(
        self,
        audit: AuditService,
        caller: Caller,
        user: Word = None,
        action: Word = None,
        subject: Word = None,
        namespace: Word = None,
        since: datetime | None = None,
        until: datetime | None = None,
        after: After = None,
        limit: Limit = DEFAULT_LIMIT,
    ) -> Page[AuditEvent]:
        """Events, newest first; admins of namespaces see those of their namespaces."""
        for time in (since, until):
            if time is not None and time.tzinfo is None:
                raise InvalidInput(f"The time {time} has no zone.", "Write it like 2026-05-01Z.")
        wanted = AuditFilter(user, action, subject, namespace, since, until)
        return audit.list(caller, wanted, Slice(after, limit))
