"""Request ids: one name for a request in answers, problems, logs and traces."""

import re
from contextvars import ContextVar
from uuid import uuid4

HEADER = b"x-request-id"
_ACCEPTED = re.compile(rb"[A-Za-z0-9._-]{1,64}")

request_id: ContextVar[str | None] = ContextVar("request_id", default=None)
"""Of the request that this thread or task works for."""


def choose_request_id(sent: bytes | None) -> str:
    """What the caller sent, if it is short and plain enough for a log; else a new one."""
    if sent is not None and _ACCEPTED.fullmatch(sent):
        return sent.decode()
    return uuid4().hex
