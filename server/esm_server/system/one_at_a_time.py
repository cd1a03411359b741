"""Work of a page that operators ask for, whatever the rest of the server does."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import Generic, TypeVar

Result = TypeVar("Result")


class OneAtATime(Generic[Result]):
    """Does one thing in a thread of its own; who asks while it is done gets the same result.

    So it needs no thread that users' requests may hold, and asking often does not do it often.
    """

    def __init__(self, work: Callable[[], Result], name: str) -> None:
        self._work, self._thread = work, ThreadPoolExecutor(1, name)
        self._going: asyncio.Future[Result] | None = None

    async def __call__(self) -> Result:
        """The result; raises what the work raises."""
        going = self._going
        if going is None or going.done():
            context = copy_context()  # the log tells of which request
            loop = asyncio.get_running_loop()
            going = self._going = loop.run_in_executor(self._thread, context.run, self._work)
            going.add_done_callback(_note_error)
        return await asyncio.shield(going)


def _note_error(going: asyncio.Future[Result]) -> None:
    """An error that nobody waits for any more is no mistake of the program."""
    if not going.cancelled():
        going.exception()
