"""Targets in memory: a bound on the bytes of all of them, and of one user's."""

from collections import Counter
from threading import Lock

from esm_client.core.errors import RateLimited

MAX_HELD_BYTES = 512 * 2**20
"""Of targets that arrive, wait or are ranked."""
RETRY_AFTER_SECONDS = 5


class HeldTargets:
    """How many bytes of targets are held, by user.

    A user may hold the half of what others leave, so that there is always room for one more,
    however many hold all they may.
    """

    def __init__(self, most: int = MAX_HELD_BYTES) -> None:
        self._most = most
        self._held: Counter[str] = Counter()
        self._lock = Lock()

    def of(self, user: str) -> "HeldTarget":
        """One more target, of which nothing is there yet."""
        return HeldTarget(self, user)

    def change(self, user: str, size: int) -> None:
        """Hold so many bytes more, or fewer; raises RateLimited."""
        with self._lock:
            mine = self._held[user]
            others = self._held.total() - mine
            if size > 0 and mine + size > (self._most - others) // 2:
                raise _too_much(mine, others)
            self._held[user] = mine + size
            if not self._held[user]:
                del self._held[user]


class HeldTarget:
    """The bytes of one target, counted as they arrive and until they are let go."""

    def __init__(self, targets: HeldTargets, user: str) -> None:
        self._targets, self._user = targets, user
        self._size = 0

    def grow(self, size: int) -> None:
        """So many bytes arrived; raises RateLimited where there is no room for them."""
        self._targets.change(self._user, size)
        self._size += size

    def release(self) -> None:
        """They are not needed any more; once more changes nothing."""
        size, self._size = self._size, 0
        self._targets.change(self._user, -size)


def _too_much(mine: int, others: int) -> RateLimited:
    error = RateLimited(
        f"Your rankings hold targets of {mine} bytes, others' {others}: there is no room for more.",
        "Try again when some of them are done.",
    )
    error.headers = {"Retry-After": str(RETRY_AFTER_SECONDS)}
    return error
