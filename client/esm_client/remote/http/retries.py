"""When a request is tried again, and after how long."""

import random
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from time import monotonic

REASONS = {
    HTTPStatus.REQUEST_TIMEOUT: "the request came too slowly",
    HTTPStatus.TOO_MANY_REQUESTS: "too many requests",
    HTTPStatus.SERVICE_UNAVAILABLE: "it is unavailable",
}
"""Refusals that are tried again, and what is said of them meanwhile."""
FEW_TRIES = 4
FIRST_PAUSE = 0.25
LONGEST_PAUSE = 3.0
LONGEST_ASKED = 30.0
TOLD_AFTER = 2.0


class Retries:
    """The tries of one request to a registry.

    There are FEW_TRIES, so that a wrong address is reported within seconds. With `patience`, in
    seconds from the first failure, there are as many as fit: a registry that answered before may
    be restarting. It may be set between two tries. What requests cause themselves, by their rate or
    by coming too slowly, always gets FEW_TRIES.
    """

    def __init__(self, url: str, patience: float) -> None:
        self._url = url
        self.patience = patience
        self._failures = 0
        self._began = 0.0

    def pause(self, retry_after: str | None = None, *, limited: bool = False) -> float | None:
        """Seconds to wait after one more failure; None to give up.

        Exponential with full jitter, so that clients that failed together do not return together.
        A server's Retry-After is followed, up to LONGEST_ASKED. `limited`: the request is to blame.
        """
        now = monotonic()
        self._failures += 1
        if self._failures == 1:
            self._began = now
        few = self._failures < FEW_TRIES
        longest = min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** min(self._failures, FEW_TRIES))
        pause = random.uniform(0, longest)  # noqa: S311 - no secret
        asked = _seconds(retry_after) if retry_after else None
        if asked is not None:
            if asked > LONGEST_ASKED:
                return None
            pause = asked if few else max(asked, pause)
        in_time = not limited and now + pause < self._began + self.patience
        return pause if few or in_time else None

    def notice(self, reason: str, pause: float, *, limited: bool) -> str | None:
        """What to tell a user before this pause; None while the wait is short."""
        waited = monotonic() - self._began
        if self.patience <= TOLD_AFTER or waited + pause < TOLD_AFTER:
            return None
        if limited:  # the number of tries decides, not the patience
            return f"Waiting for {self._url}: {reason}."
        left = max(pause, self.patience - waited)
        return f"Waiting for {self._url}: {reason}; giving up in {left:.0f} s."


def did_nothing(status: int, headers: Mapping[str, str]) -> bool:
    """Whether a refused request may be sent again even if it must not be done twice.

    A server that is unavailable may have done the work; ours says Retry-After where it did not.
    """
    return says_when(headers) or status == HTTPStatus.TOO_MANY_REQUESTS


def says_when(headers: Mapping[str, str]) -> bool:
    """Whether a refusal comes from a registry, which asks to be asked again."""
    return "X-ESM-Registry" in headers and "Retry-After" in headers


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
