"""Taking turns: work of many requests of one caller does not keep the others waiting."""

import asyncio
import queue
from collections import OrderedDict, deque
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar
from threading import Condition
from typing import Any, Generic, TypeVar

Item = TypeVar("Item")

whose: ContextVar[str] = ContextVar("whose", default="")
"""Who made the request that this task works for."""


class Turns(Generic[Item]):
    """What waits, by caller; whoever has something here is next in turn with one piece of it."""

    def __init__(self) -> None:
        self._waiting: OrderedDict[str, deque[Item]] = OrderedDict()

    def __bool__(self) -> bool:
        return bool(self._waiting)

    def add(self, item: Item) -> None:
        """Let something wait, of whoever makes the request of this task."""
        self._waiting.setdefault(whose.get(), deque()).append(item)

    def take(self) -> Item:
        """The next one, which must be there."""
        caller, items = self._waiting.popitem(last=False)
        item = items.popleft()
        if items:
            self._waiting[caller] = items  # at the end: the next caller first
        return item


class Gate:
    """Lets so many requests in at a time, callers in turn."""

    def __init__(self, places: int) -> None:
        self._free = places
        self._waiting = Turns[asyncio.Future[None]]()

    async def enter(self) -> None:
        """Wait for a place, which `leave` gives back."""
        if self._free:
            self._free -= 1
            return
        called = asyncio.get_running_loop().create_future()
        self._waiting.add(called)
        try:
            await called
        except asyncio.CancelledError:
            if not called.cancelled():  # called at the moment it was given up
                self.leave()
            raise

    def leave(self) -> None:
        """Give the place to the next in turn."""
        while self._waiting:
            called = self._waiting.take()
            if not called.done():
                called.set_result(None)
                return
        self._free += 1


class FairThreads(ThreadPoolExecutor):
    """A pool of threads that callers take turns with."""

    def __init__(self, threads: int, name: str) -> None:
        super().__init__(threads, name)
        work: Any = _WorkQueue()
        self._work_queue = work  # where threads get what `submit` has put


class _WorkQueue:
    """As queue.SimpleQueue, but callers take turns; None, which ends a thread, comes last."""

    def __init__(self) -> None:
        self._work, self._ends = Turns[Any](), 0
        self._changed = Condition()

    def put(self, item: Any) -> None:
        """Add work."""
        with self._changed:
            if item is None:
                self._ends += 1
            else:
                self._work.add(item)
            self._changed.notify()

    def get(self, block: bool = True) -> Any:
        """The next piece; raises queue.Empty where there is none and it is not to wait."""
        with self._changed:
            if block:
                self._changed.wait_for(lambda: self._work or self._ends)
            if self._work:
                return self._work.take()
            if not self._ends:
                raise queue.Empty
            self._ends -= 1
            return None

    def get_nowait(self) -> Any:
        """The same without waiting."""
        return self.get(block=False)
