"""Taking turns: work of many requests of one caller does not keep the others waiting."""

import asyncio
import queue
from collections import Counter, OrderedDict, deque
from collections.abc import Callable, Iterator
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

    def __iter__(self) -> Iterator[str]:
        """Those who have something here, the next in turn first."""
        return iter(self._waiting)

    def take(self) -> Item:
        """The next one, which must be there."""
        return self.take_of(next(iter(self)))

    def take_of(self, caller: str) -> Item:
        """The next one of a caller, who must have one here."""
        items = self._waiting.pop(caller)
        item = items.popleft()
        if items:
            self._waiting[caller] = items  # at the end: the next caller first
        return item


class Gate:
    """Lets so many requests in at a time: who has least in progress first, among those in turn."""

    def __init__(self, places: int) -> None:
        self._free = places
        self._waiting: dict[int, Turns[asyncio.Future[None]]] = {}

    async def enter(self, in_progress: int = 0) -> None:
        """Wait for a place, which `leave` gives back; `in_progress` is what the caller has."""
        if self._free:
            self._free -= 1
            return
        called = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(in_progress, Turns()).add(called)
        try:
            await called
        except asyncio.CancelledError:
            if not called.cancelled():  # called at the moment it was given up
                self.leave()
            raise

    async def __aenter__(self) -> None:
        await self.enter()

    async def __aexit__(self, *_: object) -> None:
        self.leave()

    def leave(self) -> None:
        """Give the place to the next in turn."""
        while self._waiting:
            called = self._next()
            if not called.done():
                called.set_result(None)
                return
        self._free += 1

    def _next(self) -> asyncio.Future[None]:
        least = min(self._waiting)
        called = self._waiting[least].take()
        if not self._waiting[least]:
            del self._waiting[least]
        return called


class FairThreads(ThreadPoolExecutor):
    """A pool of threads that callers take turns with; one has half of them at most at a time."""

    def __init__(self, threads: int, name: str) -> None:
        super().__init__(threads, name)
        work: Any = _WorkQueue(most=max(1, threads // 2))
        self._work_queue = work  # where threads get what `submit` has put


class _WorkQueue:
    """As queue.SimpleQueue, but callers take turns; None, which ends a thread, comes last.

    Of one caller's work, `most` pieces are in progress at a time; the others wait.
    """

    def __init__(self, most: int) -> None:
        self._work, self._ends = Turns["_Piece"](), 0
        self._in_progress, self._most = Counter[str](), most
        self._changed = Condition()

    def put(self, item: Any) -> None:
        """Add work."""
        with self._changed:
            if item is None:
                self._ends += 1
            else:
                self._work.add(_Piece(item, whose.get(), self._is_done))
            self._changed.notify()

    def get(self, block: bool = True) -> Any:
        """The next piece; raises queue.Empty where there is none and it is not to wait."""
        with self._changed:
            if block:
                self._changed.wait_for(lambda: self._next() is not None or self._is_over())
            if (caller := self._next()) is not None:
                self._in_progress[caller] += 1
                return self._work.take_of(caller)
            if not self._is_over():
                raise queue.Empty
            self._ends -= 1
            return None

    def get_nowait(self) -> Any:
        """The same without waiting."""
        return self.get(block=False)

    def _next(self) -> str | None:
        """Whose work is to be done next."""
        return next((one for one in self._work if self._in_progress[one] < self._most), None)

    def _is_over(self) -> bool:
        return bool(self._ends) and not self._work

    def _is_done(self, caller: str) -> None:
        with self._changed:
            self._in_progress[caller] -= 1
            if not self._in_progress[caller]:
                del self._in_progress[caller]
            self._changed.notify()


class _Piece:
    """Work of a caller, as the pool's threads do it and its `shutdown` cancels it."""

    def __init__(self, item: Any, caller: str, done: Callable[[str], None]) -> None:
        self._item, self._caller, self._done = item, caller, done
        self.future = item.future

    def run(self, *given: Any) -> None:
        """Do it."""
        try:
            self._item.run(*given)
        finally:
            self._done(self._caller)
