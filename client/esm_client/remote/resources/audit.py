"""The audit log."""

from collections.abc import Iterator
from datetime import datetime

from esm_client.core.schemas import AuditEvent
from esm_client.remote.transport import Transport


class AuditResource:
    """`/v1/audit`."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def list(
        self,
        *,
        user: str | None = None,
        action: str | None = None,
        subject: str | None = None,
        namespace: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> Iterator[AuditEvent]:
        """Events, newest first; `action` is a whole one or its first word. Raises Forbidden.

        Admins of the registry see all, admins of namespaces those of their namespaces. Times
        without a zone are local ones.
        """
        given = {
            "user": user,
            "action": action,
            "subject": subject,
            "namespace": namespace,
            "since": since.astimezone().isoformat() if since else None,
            "until": until.astimezone().isoformat() if until else None,
        }
        params = {key: value for key, value in given.items() if value is not None}
        return self._transport.pages("/v1/audit", AuditEvent, params)
