"""One ranking on its way, in the process that does it."""

import time
from collections.abc import Callable
from threading import Event, Lock
from typing import Literal

from esm_client.core.errors import Cancelled, EsmError
from esm_client.core.schemas import Problem, RankingCreate, RankingJob, RankingReceipt
from esm_server.auth.caller import Caller
from esm_server.rankings.queue import Computation, Waiter


class Ranking:
    """What was asked by whom, how far it is, and how it ended."""

    def __init__(self, ranking_id: str, request: RankingCreate, caller: Caller) -> None:
        self.id, self.request, self.caller = ranking_id, request, caller
        self.started = time.perf_counter()
        self.receipt: RankingReceipt | None = None
        self.error: EsmError | None = None
        self.is_stored = False
        """Whether it is a job that survives this process."""
        self.computation: Computation | None = None
        self.waiter: Waiter = _nobody
        self._over = Event()
        self._lock = Lock()
        self._callbacks: list[Callable[[], object]] = []

    @property
    def asked_by(self) -> tuple[int, str | None]:
        """The user, and the namespace to which the token is limited that it was asked with."""
        return self.caller.user_id, self.caller.only_namespace

    @property
    def is_over(self) -> bool:
        """Whether there is a receipt or an error."""
        return self._over.is_set()

    def when_over(self, callback: Callable[[], object]) -> None:
        """Call back once, from any thread; at once if it is over already."""
        with self._lock:
            if not self.is_over:
                self._callbacks.append(callback)
                return
        callback()

    def end(self, outcome: RankingReceipt | EsmError) -> bool:
        """Set the receipt or the error, and tell who waits; False if it was over already."""
        with self._lock:
            if self.is_over:
                return False
            if isinstance(outcome, EsmError):
                self.error = outcome
            else:
                self.receipt = outcome
            self._over.set()
        for callback in self._callbacks:
            callback()
        return True

    def forget_target(self) -> None:
        """Keep nothing of the target: only how the ranking ended is still asked for."""
        nothing = {"sketch": b"", "folds": (), "embedded": None}
        self.request = self.request.model_copy(update=nothing)

    def job(self) -> RankingJob:
        """How far it is."""
        if self.error is not None:
            return RankingJob(
                id=self.id, state=end_state(self.error), problem=Problem.of(self.error)
            )
        done, total, running = 0, 0, False
        if (computation := self.computation) is not None:
            done, total, running = computation.done, computation.total, computation.is_running
        state = "done" if self.is_over else "running" if running else "queued"
        return RankingJob(id=self.id, state=state, done=done, total=total)


def end_state(error: EsmError | None) -> Literal["done", "failed", "cancelled"]:
    """How a ranking ended."""
    if error is None:
        return "done"
    return "cancelled" if isinstance(error, Cancelled) else "failed"


def _nobody(_outcome: object) -> None:
    """Stands where no computation has begun."""
