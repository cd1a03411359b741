"""When a request is tried again, and after how long."""

import random
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus

RETRIED_STATUSES = frozenset({429, 503})
ATTEMPTS = 4
FIRST_PAUSE = 0.25
LONGEST_PAUSE = 30.0


def pause_before(attempt: int, retry_after: str | None = None) -> float | None:
    """Seconds to wait after the failed try number `attempt`; None to give up.

    Exponential with full jitter, so that clients that failed together do not return together.
    A server's Retry-After is followed, but nobody waits longer than LONGEST_PAUSE.
    """
    if attempt >= ATTEMPTS:
        return None
    asked = _seconds(retry_after) if retry_after else None
    if asked is not None:
        return asked if asked <= LONGEST_PAUSE else None
    return random.uniform(0, FIRST_PAUSE * 2**attempt)  # noqa: S311 - no secret


def did_nothing(status: int, headers: Mapping[str, str]) -> bool:
    """Whether a refused request may be sent again even if it must not be done twice.

    A server that is unavailable may have done the work; ours says Retry-After where it did not.
    """
    ours = "X-ESM-Registry" in headers and "Retry-After" in headers
    return ours or status == HTTPStatus.TOO_MANY_REQUESTS


def _seconds(retry_after: str) -> float | None:
    """A Retry-After header, which holds seconds or a date."""
    if retry_after.strip().isdigit():
        return float(retry_after)
    try:
        moment = parsedate_to_datetime(retry_after)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - datetime.now(UTC)).total_seconds())
