"""Work that nobody waits for, one piece after the other."""

import logging
from collections.abc import Callable
from queue import SimpleQueue
from threading import Lock, Thread

_LOG = logging.getLogger("esm_server")


class Intake:
    """A thread that does what it is given; it ends with the process, whatever is left."""

    def __init__(self) -> None:
        self._waiting: SimpleQueue[Callable[[], object]] = SimpleQueue()
        self._thread = Thread(target=self._run, name="intake", daemon=True)
        self._lock = Lock()

    def add(self, work: Callable[[], object]) -> None:
        """Have it done some time; what goes wrong is logged."""
        with self._lock:
            if self._thread.ident is None:
                self._thread.start()
        self._waiting.put(work)

    def _run(self) -> None:
        while True:
            work = self._waiting.get()
            try:
                work()
            except Exception as error:
                _LOG.warning("maps could not be put at hand: %s", error)
