"""Who did what to which thing."""

from datetime import datetime
from typing import Any

from esm_client.core.schemas.contract import Contract


class AuditEvent(Contract):
    """One change. `subject` is what was changed: a reference, a namespace, a token, a space."""

    id: int
    at: datetime
    user: str
    token: str
    action: str
    """`esm.publish`, `alias.move`, `token.revoke` and so on; see the server's audit package."""
    subject: str
    namespace: str | None
    digest: str | None
    detail: dict[str, Any]
