"""Worker processes, and a queue that is fair between those who wait."""

import base64
import json
import logging
import os
import subprocess
import sys
from collections import Counter, OrderedDict, deque
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Condition, Thread
from typing import Any

import numpy as np
from numpy.typing import NDArray

from esm_client.core.errors import EsmError, Unavailable, error_class
from esm_server.engine.device import is_gpu
from esm_server.engine.shelf import LOW_RANK, MapShape, Shelf

FEW = 8
"""Maps in a chunk whose time says half as much as that of a long one."""
ATTEMPTS = 5
"""How many workers may die over one chunk."""
_LOG = logging.getLogger("esm_server")
_ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")


@dataclass(frozen=True, slots=True)
class Chunk:
    """Rows of one shelf, and where their scores go. Without a shelf: the identity map."""

    shelf: Shelf | None
    rows: NDArray[np.intp]
    into: NDArray[np.intp]
    check: str
    """`check_of` these rows, as the one who asks knows them."""
    screen: bool = False


@dataclass(eq=False)
class Work:
    """Chunks of one ranking. `scores` and `lost` fill while workers go through them."""

    owner: str
    sketch: Path
    embedded: Path | None
    """The target row by row, where its owner sent that: MLP maps need it."""
    intercept: bool
    chunks: deque[Chunk]
    scores: NDArray[np.float64]
    columns: int = 2
    """Label columns, on which the time depends."""
    lost: list[Chunk] = field(default_factory=list[Chunk])
    """Chunks whose records were not what was expected: to be placed again."""
    running: int = 0
    deaths: Counter[int] = field(default_factory=Counter[int])
    """Of workers, by the first index of the chunk that they died over."""
    error: EsmError | None = None

    @property
    def is_over(self) -> bool:
        """Nothing is left to do, or it failed."""
        return not self.running and (not self.chunks or self.error is not None)


class Crew:
    """A few processes, started when there is work for the first time."""

    def __init__(self, size: int, device: str) -> None:
        self._size, self._device = size, device
        self.is_on_gpu = is_gpu(device)
        self._changed = Condition()
        self._waiting: OrderedDict[str, deque[Work]] = OrderedDict()
        self._threads: list[Thread] = []
        self._processes: dict[int, subprocess.Popen[str]] = {}
        self._closed = False
        self._costs: dict[tuple[MapShape, int], float] = {}

    @property
    def size(self) -> int:
        """How many processes share the work."""
        return self._size

    def seconds(self, counts: Mapping[MapShape, int], columns: int) -> float:
        """How long scoring so many maps should take, by what it took lately."""
        cost = sum(count * self._cost(shape, columns) for shape, count in counts.items())
        return cost / (1 if self.is_on_gpu else self._size)  # workers share a GPU

    def start(self, work: Work) -> None:
        """Queue it; owners take turns, chunk by chunk, and each owner's works are in order."""
        with self._changed:
            self._waiting.setdefault(work.owner, deque()).append(work)
            while len(self._threads) < self._size and not self._closed:
                thread = Thread(target=self._serve, args=(len(self._threads),), daemon=True)
                self._threads.append(thread)
                thread.start()
            self._changed.notify_all()

    def wait(self, work: Work, timeout: float) -> bool:
        """Whether a work is over, after waiting for that; raises what went wrong with it."""
        with self._changed:
            self._changed.wait_for(lambda: work.is_over or self._closed, timeout)
            if work.error is not None:
                raise work.error
            if self._closed:
                raise Unavailable("The server is stopping.", "Rank again in a moment.")
            return work.is_over

    def cancel(self, work: Work) -> None:
        """Drop what has not begun."""
        with self._changed:
            work.chunks.clear()
            self._changed.notify_all()

    @property
    def num_alive(self) -> int:
        """How many workers run; none before the first work."""
        return sum(process.poll() is None for process in list(self._processes.values()))

    def process_ids(self) -> list[int]:
        """Of the workers that run."""
        return [process.pid for process in self._processes.values()]

    def close(self) -> None:
        """End all processes."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        processes = list(self._processes.values())
        for process in processes:
            process.kill()
            process.wait()
        for thread in self._threads:
            thread.join()
        for process in processes:  # only now, since the threads read from them
            _close_pipes(process)

    def _cost(self, shape: MapShape, columns: int) -> float:
        """Seconds a map; before the first, a guess from the number of operations."""
        known = self._costs.get((shape, columns.bit_length()))
        if known is not None:
            return known
        wide, rank = shape.dimension, shape.width
        guess = 1e-10 * wide**3
        if shape.architecture in LOW_RANK:
            guess = 3e-7 * (wide + shape.views) * rank + 1e-8 * rank**3
        return guess * (1.0 + columns / 40.0)

    def _learn(self, shape: MapShape, columns: int, seconds: float, maps: int) -> None:
        """Move the cost towards what a chunk took, the further the more maps it had."""
        known, share = self._cost(shape, columns), 0.5 * maps / (maps + FEW)
        self._costs[shape, columns.bit_length()] = known + share * (seconds / maps - known)

    def _serve(self, number: int) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._closed or self._waiting)
                if self._closed:
                    return
                taken = self._next()
            if taken is not None:
                self._do(number, *taken)

    def _next(self) -> tuple[Work, Chunk] | None:
        owner, works = next(iter(self._waiting.items()))
        work = works[0]
        chunk = work.chunks.popleft() if work.chunks and work.error is None else None
        if not work.chunks or work.error is not None:
            works.popleft()
        self._waiting.move_to_end(owner)
        if not works:
            del self._waiting[owner]
        if chunk is None:
            self._changed.notify_all()
            return None
        work.running += 1
        return work, chunk

    def _do(self, number: int, work: Work, chunk: Chunk) -> None:
        answer: dict[str, Any] | None = None
        try:
            answer = self._ask(number, work, chunk)
            known = None if chunk.screen or answer is None else answer.get("seconds")
            if known is not None and chunk.shelf is not None:
                self._learn(chunk.shelf.shape, work.columns, known, len(chunk.rows))
        except Exception as error:  # this thread is needed for the next chunk
            _LOG.exception("a worker could not be asked", exc_info=error)
        finally:
            with self._changed:
                self._note(work, chunk, answer)
                work.running -= 1
                self._changed.notify_all()

    def _note(self, work: Work, chunk: Chunk, answer: dict[str, Any] | None) -> None:
        if answer is None:  # the worker died
            first = int(chunk.into[0])
            work.deaths[first] += 1
            if work.deaths[first] < ATTEMPTS:
                self._again(work, chunk)
            else:
                work.error = Unavailable(
                    "The server's workers died over this ranking, most likely for lack of memory.",
                    "Tell the server's operator.",
                )
        elif "code" in answer:
            work.error = error_class(answer["code"])(answer["message"], answer["hint"])
        elif answer.get("check") != chunk.check:
            work.lost.append(chunk)
        else:
            scores = np.frombuffer(base64.b64decode(answer["scores"]), dtype="<f8")
            work.scores[chunk.into] = scores

    def _again(self, work: Work, chunk: Chunk) -> None:
        work.chunks.appendleft(chunk)
        works = self._waiting.setdefault(work.owner, deque())
        if work not in works:
            works.append(work)

    def _ask(self, number: int, work: Work, chunk: Chunk) -> dict[str, Any] | None:
        shelf = chunk.shelf
        request = {
            "sketch": str(work.sketch),
            "embedded": work.embedded and str(work.embedded),
            "intercept": work.intercept,
            "shelf": None if shelf is None else str(shelf.path),
            "shape": None if shelf is None else str(shelf.shape),
            "rows": base64.b64encode(chunk.rows.astype("<i8").tobytes()).decode(),
            "screen": chunk.screen,
        }
        if self._closed:
            return None
        process: subprocess.Popen[str] | None = None
        try:
            process = self._process(number)
            if process.stdin is not None and process.stdout is not None:
                process.stdin.write(json.dumps(request) + "\n")
                process.stdin.flush()
                return json.loads(process.stdout.readline())
        except (OSError, ValueError) as error:
            _LOG.warning("a worker failed: %s", error)
        if process is not None:
            process.kill()
            process.wait()
            self._processes.pop(number, None)
            _close_pipes(process)
        return None

    def _process(self, number: int) -> "subprocess.Popen[str]":
        if number not in self._processes:
            command = [sys.executable, "-m", "esm_server.engine.worker", self._device]
            self._processes[number] = subprocess.Popen(  # noqa: S603 - our own module
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                env={**os.environ, **_ONE_THREAD},
            )  # fmt: skip
        return self._processes[number]


def _close_pipes(process: "subprocess.Popen[str]") -> None:
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            with suppress(OSError):  # what was written last may never have gone through
                pipe.close()
