"""Writing the audit log: in the transaction of the change itself, or not at all."""

from typing import Any

from sqlmodel import Session

from esm_server.auth.caller import Caller
from esm_server.db import AuditEventRow


def record(
    session: Session,
    who: Caller | tuple[str, str],
    action: str,
    subject: str,
    *,
    namespace: str | None = None,
    digest: str | None = None,
    detail: dict[str, Any] | None = None,
) -> None:
    """Note one change: `action` names the thing and the deed, for instance `alias.move`.

    who: the caller, or the names of a user and a token.
    """
    user, token = (who.name, who.identity.token) if isinstance(who, Caller) else who
    session.add(
        AuditEventRow(
            user=user,
            token=token,
            action=action,
            subject=subject,
            namespace=namespace,
            digest=digest,
            detail=detail or {},
        )
    )
