"""Bytes in memory that clients sent: a bound on those of everybody, and of one user."""

from collections import Counter
from threading import Lock

from esm_client.core.errors import RateLimited

RETRY_AFTER_SECONDS = 5


class HeldBytes:
    """How many bytes are held, by user: `most` in all, and half of it for one.

    `what` names them in a refusal, with a place for whose they are. So many as `always` each user
    may hold whatever the others do, so that a few who hold all keep nobody from small requests.
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
            mine, every = self._held[user] + size, self._held.total() + size
            if size > 0 and mine > self._most // 2:
                raise self._refusal("yours", mine - size)
            if size > 0 and every > self._most and mine > self._always:
                raise self._refusal("users", every - size)
            self._held[user] = mine
            if not mine:
                del self._held[user]

    def _refusal(self, whose: str, held: int) -> RateLimited:
        error = RateLimited(
            f"{self._what.format(whose)} of {held} bytes already.",
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
