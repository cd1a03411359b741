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

_Called = asyncio.Future[None]

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
    """Lets so many requests in at a time, callers in turn."""

    def __init__(self, places: int) -> None:
        self._free = places
        self._waiting = Turns[_Called]()

    async def enter(self, busy: int = 0) -> None:
        """Wait for a place, which `leave` gives back; `busy` is how much the caller has already."""
        if self._free:
            self._free -= 1
            return
        called = asyncio.get_running_loop().create_future()
        self._add(called, busy)
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
        while (called := self._next()) is not None:
            if not called.done():
                called.set_result(None)
                return
        self._free += 1

    def _add(self, called: "_Called", busy: int) -> None:
        del busy  # here it does not matter
        self._waiting.add(called)

    def _next(self) -> "_Called | None":
        return self._waiting.take() if self._waiting else None


class LeastFirst(Gate):
    """A gate that every other time lets in whoever is least busy, and else callers in turn.

    So who is busy waits longer, and yet not for ever.
    """

    def __init__(self, places: int) -> None:
        super().__init__(places)
        self._by_busy: dict[int, Turns[_Called]] = {}
        """The same that wait in turn; who was called in one order is passed over in the other."""
        self._is_turn = True

    def leave(self) -> None:
        """Give the place to the least busy, or to the next in turn."""
        self._is_turn = not self._is_turn
        super().leave()

    def _add(self, called: "_Called", busy: int) -> None:
        super()._add(called, busy)
        self._by_busy.setdefault(busy, Turns()).add(called)

    def _next(self) -> "_Called | None":
        found = super()._next() if self._is_turn else self._least()
        if found is None:  # so of the other order everybody has been called
            self._waiting, self._by_busy = Turns[_Called](), {}
        return found

    def _least(self) -> "_Called | None":
        if not self._by_busy:
            return None
        least = min(self._by_busy)
        called = self._by_busy[least].take()
        if not self._by_busy[least]:
            del self._by_busy[least]
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
