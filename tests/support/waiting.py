"""Waiting for what another process or thread does, however long that takes on a busy machine."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, TypeVar

# An earlier edition imports this module too, which has not what `support.registry` needs.
if TYPE_CHECKING:
    from support.registry import RunningRegistry

SECONDS = 120
Answer = TypeVar("Answer")


def until(condition: Callable[[], Answer], seconds: float = SECONDS) -> Answer:
    """The first answer of `condition` that is true; fails after so long without one."""
    deadline = time.monotonic() + seconds
    while not (answer := condition()):
        assert time.monotonic() < deadline, "it does not happen"
        time.sleep(0.02)
    return answer


@contextmanager
def held_workers(running: "RunningRegistry") -> Iterator[None]:
    """While the block runs, the workers of a server score nothing: a ranking stays on its way.

    They must have started, as they do for the first ranking; the block may kill them.
    """
    workers = running.workers
    assert workers
    for worker in workers:
        os.kill(worker, signal.SIGSTOP)
    try:
        yield
    finally:
        for worker in workers:
            with suppress(ProcessLookupError):
                os.kill(worker, signal.SIGCONT)
