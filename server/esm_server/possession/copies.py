"""Copies within the bucket that are going on: few, as each holds a thread for minutes."""

from collections.abc import Generator
from contextlib import contextmanager
from threading import Lock

from esm_client.core.errors import Unavailable
from esm_server.db.database import RETRY

USERS = 8
"""Users whose files are copied at a time, of 64 threads that all requests share."""


class CopyRoom:
    """One user copies one file after the other, whatever they ask for meanwhile.

    Nobody waits here, as waiting would hold a thread too.
    """

    def __init__(self) -> None:
        self._lock, self._copying = Lock(), set[int]()

    @contextmanager
    def of(self, user_id: int) -> Generator[None]:
        """Room for a user's copies; raises Unavailable, which clients answer by asking again."""
        with self._lock:
            if user_id in self._copying or len(self._copying) >= USERS:
                error = Unavailable(
                    "Files that were sent to the object store are being put in place.",
                    "Try again in a moment.",
                )
                error.headers = RETRY
                raise error
            self._copying.add(user_id)
        try:
            yield
        finally:
            with self._lock:
                self._copying.discard(user_id)
