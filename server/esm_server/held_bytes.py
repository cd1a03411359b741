"""Bytes in memory that clients sent: a bound on those of everybody, and of one user."""

from collections import Counter
from threading import Lock

from esm_client.core.errors import RateLimited

RETRY_AFTER_SECONDS = 5


class HeldBytes:
    """How many bytes are held, by user: `most` in all.

    A user may hold the half of what others leave, so that there is room for one more, however many
    hold all they may; and so many as `always`, whatever others do. `what` names the bytes in a
    refusal, with a place for whose they are.
    """

    def __init__(self, most: int, what: str, *, always: int = 0) -> None:
        self._most, self._what, self._always = most, what, always
        self._held: Counter[str] = Counter()
        self._lock = Lock()

    def of(self, user: str) -> "Held":
        """One request more, of which nothing is there yet."""
        return Held(self, user)

    def change(self, user: str, size: int) -> None:
        """Hold so many bytes more, or fewer; raises RateLimited."""
        with self._lock:
            mine = self._held[user]
            others = self._held.total() - mine
            most = max(self._always, (self._most - others) // 2)
            if size > 0 and mine + size > most:
                raise self._refusal(mine, others)
            self._held[user] = mine + size
            if not self._held[user]:
                del self._held[user]

    def _refusal(self, mine: int, others: int) -> RateLimited:
        error = RateLimited(
            f"{self._what.format('yours')} of {mine} bytes already, others' {others}.",
            "Try again when some of them are done.",
        )
        error.headers = {"Retry-After": str(RETRY_AFTER_SECONDS)}
        return error


class Held:
    """The bytes of one request, counted as they arrive and until they are let go."""

    def __init__(self, held: HeldBytes, user: str) -> None:
        self._held, self._user = held, user
        self._size = 0

    def grow(self, size: int) -> None:
        """So many bytes arrived; raises RateLimited where there is no room for them."""
        self._held.change(self._user, size)
        self._size += size

    def release(self) -> None:
        """They are not needed any more; once more changes nothing."""
        size, self._size = self._size, 0
        self._held.change(self._user, -size)
