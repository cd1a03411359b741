"""Computations of scores: a bound on how many, turns between users, and none done twice at once."""

import logging
from collections import Counter, OrderedDict, deque
from collections.abc import Callable
from contextvars import Context, copy_context
from dataclasses import dataclass, field
from threading import Event, RLock, Thread
from typing import Any

from esm_client.core.errors import EsmError, RateLimited, ServerFault
from esm_server.engine.request import PoolScores, Progress

Compute = Callable[[Progress, Event], PoolScores]
Outcome = PoolScores | EsmError
Waiter = Callable[[Outcome], None]
Afterwards = Callable[[PoolScores], None]
"""What is done with scores once nobody waits for them any more."""

KEPT_SCORES = 16
RETRY_AFTER_SECONDS = 5
_LOG = logging.getLogger("esm_server")


@dataclass(eq=False)
class Computation:
    """Scores of one target and pool, waited for by one ranking or several."""

    key: str
    owner: str
    compute: Compute
    afterwards: Afterwards
    waiters: list[Waiter] = field(default_factory=list[Waiter])
    cancelled: Event = field(default_factory=Event)
    context: Context = field(default_factory=copy_context)
    """Of the first request for it: its log and its trace belong to that."""
    is_running: bool = False
    done: int = 0
    total: int = 0

    def progress(self, done: int, total: int) -> None:
        """Note how far it is."""
        self.done, self.total = done, total


class RankingQueue:
    """Runs computations in threads of their own, `running` at a time, owners in turn.

    An owner's never take all of these places, where there are several: a newcomer finds one.
    """

    def __init__(self, *, running: int, waiting: int, waiting_per_owner: int) -> None:
        self._running, self._waiting = running, waiting
        self._waiting_per_owner = waiting_per_owner
        self._active: dict[str, Computation] = {}
        self._turns: OrderedDict[str, deque[Computation]] = OrderedDict()
        self._kept: OrderedDict[str, PoolScores] = OrderedDict()
        self._places: Counter[str] = Counter()
        self._is_closed = False
        self._lock = RLock()

    def submit(
        self, key: str, owner: str, compute: Compute, waiter: Waiter, afterwards: Afterwards,
        *, is_bounded: bool = True,
    ) -> Computation:  # fmt: skip
        """Have `waiter` told the scores once they are there, which may be at once.

        Raises RateLimited when too many wait already, unless it is not to be bounded.
        """
        with self._lock:
            kept = self._kept.get(key)
            if kept is None:
                found = self._active.get(key)
                if found is None:
                    if is_bounded:
                        self._check_room(owner)
                    found = self._active[key] = Computation(key, owner, compute, afterwards)
                    self._turns.setdefault(owner, deque()).append(found)
                    self._start_more()
                found.waiters.append(waiter)
                return found
        waiter(kept)
        return Computation(key, owner, compute, afterwards)

    def counts(self) -> tuple[int, int]:
        """How many run, and how many wait."""
        with self._lock:
            return self._places.total(), sum(len(turns) for turns in self._turns.values())

    def close(self) -> None:
        """Begin nothing more, and tell nobody how what is running ends: it is stopped."""
        with self._lock:
            self._is_closed = True

    def leave(self, computation: Computation, waiter: Waiter) -> None:
        """Do not wait any longer; what nobody waits for is called off."""
        with self._lock:
            if waiter not in computation.waiters:
                return
            computation.waiters.remove(waiter)
            if computation.waiters:
                return
            computation.cancelled.set()
            self._active.pop(computation.key, None)
            turns = self._turns.get(computation.owner)
            if turns and computation in turns:
                turns.remove(computation)
                if not turns:
                    del self._turns[computation.owner]

    def _check_room(self, owner: str) -> None:
        mine = len(self._turns.get(owner, ()))
        every = sum(len(turns) for turns in self._turns.values())
        if mine < self._waiting_per_owner and every < self._waiting:
            return
        whose = "of yours wait" if mine >= self._waiting_per_owner else "wait"
        error = RateLimited(
            f"{mine if mine >= self._waiting_per_owner else every} rankings {whose} already.",
            "Try again when some of them are done.",
        )
        error.headers = {"Retry-After": str(RETRY_AFTER_SECONDS)}
        raise error

    def _start_more(self) -> None:
        while not self._is_closed and self._places.total() < self._running:
            most = max(1, self._running - 1)
            owner = next((one for one in self._turns if self._places[one] < most), None)
            if owner is None:
                return
            turns = self._turns.pop(owner)
            computation = turns.popleft()
            if turns:
                self._turns[owner] = turns  # at the end: the next owner first
            computation.is_running = True
            self._places[owner] += 1
            work = computation.context.run
            Thread(target=work, args=(self._run, computation), daemon=True).start()

    def _run(self, computation: Computation) -> None:
        outcome = self._outcome(computation)
        with self._lock:
            if self._is_closed:
                return
            computation.is_running = False
            if self._active.get(computation.key) is computation:
                del self._active[computation.key]
            if isinstance(outcome, PoolScores):
                self._kept[computation.key] = outcome
                while len(self._kept) > KEPT_SCORES:
                    self._kept.popitem(last=False)
            waiters = list(computation.waiters)
            computation.waiters.clear()
        for waiter in waiters:
            _sheltered(waiter, outcome)
        if isinstance(outcome, PoolScores):
            _sheltered(computation.afterwards, outcome)
        with self._lock:
            self._places[computation.owner] -= 1
            self._start_more()

    def _outcome(self, computation: Computation) -> Outcome:
        try:
            return computation.compute(computation.progress, computation.cancelled)
        except EsmError as error:
            return error
        except Exception as error:
            _LOG.exception("a ranking failed", exc_info=error)
            return unexpected()


def unexpected() -> ServerFault:
    """The error of what the log alone can explain."""
    return ServerFault("The server failed in a way it did not expect.", "Its log has the details.")


def _sheltered(tell: Callable[[PoolScores], None], scores: Any) -> None:
    """One who fails does not keep the next from hearing."""
    try:
        tell(scores)
    except Exception as error:
        _LOG.exception("the end of a ranking failed", exc_info=error)
