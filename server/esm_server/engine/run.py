"""One ranking on its way through the engine: placed on shelves, cut into chunks, refined."""

from collections import Counter, deque
from dataclasses import dataclass
from pathlib import Path
from threading import Event

import numpy as np
from numpy.typing import NDArray

from esm_client.core.errors import Cancelled, EsmError, Unavailable
from esm_client.core.maps.mlp import needs_embeddings
from esm_client.core.maps.storage import not_scored
from esm_server.engine.crew import Chunk, Crew, Work
from esm_server.engine.device import GPU_BATCH
from esm_server.engine.pool import Place, ResidentPool
from esm_server.engine.refining import Refined, refine
from esm_server.engine.request import Choose, Mode, Progress, Request
from esm_server.engine.shelf import LOW_RANK, MapShape, Shelf, check_of_digests

FULL_CHUNK = 8
LARGE_CHUNK = 256
POLL_SECONDS = 0.5
REPLACED = 3
"""How often maps are placed again when a shelf is compacted or damaged under a ranking."""

_IDENTITY = Chunk(None, np.zeros(0, dtype=np.intp), np.zeros(1, dtype=np.intp), "")


@dataclass(frozen=True, slots=True)
class Target:
    """Files of a sketch and, where they were sent, of its rows; how many label columns it has."""

    sketch: Path
    embedded: Path | None
    columns: int


class Run:
    """One request on its way."""

    def __init__(
        self, crew: Crew, pool: ResidentPool, request: Request, target: Target,
        progress: Progress | None, cancelled: Event,
    ) -> None:  # fmt: skip
        self._crew, self._pool = crew, pool
        self._request, self._target = request, target
        self._progress, self._cancelled = progress, cancelled
        self._done, self._total = 0, len(request.digests)
        self.failures: dict[str, EsmError] = {}
        self.mode: Mode = "exhaustive"

    def identity(self) -> float:
        """The identity map's score, from a worker: LAPACK would stop everything else here.

        Raises what the target's score raises, and Unavailable where its file is lost.
        """
        found = np.full(1, np.nan)
        work = Work(
            self._request.owner, self._target.sketch, self._target.embedded,
            self._request.intercept, deque([_IDENTITY]), found,
        )  # fmt: skip
        self._wait(work, 0)
        if work.lost:
            raise Unavailable("The target was lost on the server's disk.", "Rank again.")
        return float(found[0])

    def all(self) -> Refined:
        """Exact scores of all, or of as many as the best need."""
        places = self._places(np.arange(self._total))
        known = np.fromiter(places, dtype=np.intp, count=len(places))
        self.mode, choose = self._chosen_mode(places, known)
        if choose is not None:
            return self._prefiltered(places, choose)
        shapes = [place.shelf.shape.architecture for place in places.values()]
        is_full = np.array(shapes, dtype=str) == "linear"
        full, others = known[is_full], known[~is_full]
        if self.mode != "screened" or not full.size:
            self.mode = "exhaustive"
            scores = self._scores(places, known)
            return self._finished(Refined(scores, ~np.isnan(scores), 0.0))
        estimates = self._scores(places, full, screen=True)
        exact = self._scores(places, others)
        return self._finished(
            refine(exact, estimates, lambda chosen: self._scores(places, chosen), self._request.top)
        )

    def _chosen_mode(
        self, places: dict[int, Place], known: NDArray[np.intp]
    ) -> tuple[Mode, Choose | None]:
        """What was asked for; else everything, while that stays within the budget.

        Screening is for who asks for it: on real maps it saves little (docs/engine.md).
        """
        mode = self._request.mode
        if mode == "auto":
            counts = Counter(places[index].shelf.shape for index in known.tolist())
            needed = self._crew.seconds(counts, self._target.columns)
            mode = "exhaustive" if needed <= self._request.budget else "prefiltered"
        make = self._request.choose if mode == "prefiltered" else None
        choose = None if make is None else make()
        return ("exhaustive" if mode == "prefiltered" and choose is None else mode), choose

    def _prefiltered(self, places: dict[int, Place], choose: Choose) -> Refined:
        scores = np.full(self._total, np.nan)
        while (chosen := choose(scores)).size:
            usable = np.array([i for i in chosen.tolist() if i in places], dtype=np.intp)
            if usable.size:
                scores[usable] = self._scores(places, usable)[usable]
        return Refined(scores, ~np.isnan(scores), 0.0)

    def _finished(self, refined: Refined) -> Refined:
        for index in np.flatnonzero(np.isnan(refined.scores)).tolist():
            self.failures.setdefault(self._request.digests[index], not_scored())
        return refined

    def _scores(
        self, places: dict[int, Place], indices: NDArray[np.intp], *, screen: bool = False
    ) -> NDArray[np.float64]:
        """Scores (n,) of the whole request, NaN but for `indices`."""
        found = np.full(len(self._request.digests), np.nan)
        for _ in range(REPLACED):
            work = Work(
                self._request.owner, self._target.sketch, self._target.embedded,
                self._request.intercept, deque(self._chunks(places, indices, screen)), found,
                self._target.columns,
            )  # fmt: skip
            self._wait(work, len(indices))
            if not work.lost:
                return found
            lost = np.concatenate([chunk.into for chunk in work.lost])
            places = self._placed_again(lost, places)
            indices = np.fromiter(places, dtype=np.intp, count=len(places))
        raise Unavailable("The maps at hand change too fast to be scored.", "Rank again.")

    def _placed_again(self, lost: NDArray[np.intp], before: dict[int, Place]) -> dict[int, Place]:
        """Where maps lie now that were not where expected; one in its old place is damaged."""
        places = self._places(lost)
        for index, place in places.items():
            if place == before[index]:
                self._pool.forget(self._digest(index))
        return self._places(lost)

    def _digest(self, index: int) -> str:
        return self._request.digests[index]

    def _places(self, indices: NDArray[np.intp]) -> dict[int, Place]:
        digests = {index: self._digest(index) for index in indices.tolist()}
        found = self._pool.place(digests.values())
        if self._target.embedded is None:
            found = {digest: _from_sketch(place) for digest, place in found.items()}
        self.failures |= {d: p for d, p in found.items() if isinstance(p, EsmError)}
        places = ((index, found[digest]) for index, digest in digests.items())
        return {index: place for index, place in places if isinstance(place, Place)}

    def _chunks(
        self, places: dict[int, Place], indices: NDArray[np.intp], screen: bool
    ) -> list[Chunk]:
        by_shelf: dict[Shelf, list[tuple[int, int]]] = {}
        for index in indices.tolist():
            place = places[index]
            by_shelf.setdefault(place.shelf, []).append((place.row, index))
        chunks: list[Chunk] = []
        for shelf, pairs in by_shelf.items():
            pairs.sort()  # in the order of the file
            table = np.array(pairs, dtype=np.intp)
            size = self._chunk_size(len(table), shelf.shape)
            for start in range(0, len(table), size):
                rows, into = table[start : start + size].T
                check = check_of_digests([self._digest(index) for index in into.tolist()])
                chunks.append(Chunk(shelf, rows, into, check, screen))
        return chunks

    def _chunk_size(self, count: int, shape: MapShape) -> int:
        if self._crew.is_on_gpu:
            return min(GPU_BATCH, count)  # many at once make it fast
        largest = LARGE_CHUNK if shape.architecture in LOW_RANK else FULL_CHUNK
        return max(1, min(largest, -(-count // (4 * self._crew.size))))

    def _wait(self, work: Work, count: int) -> None:
        crew, before = self._crew, self._done
        crew.start(work)
        try:
            while not crew.wait(work, POLL_SECONDS):
                if self._cancelled.is_set():
                    raise Cancelled("The ranking was cancelled.", "Nothing was stored.")
                self._tell(before + count - sum(len(chunk.rows) for chunk in list(work.chunks)))
        finally:
            crew.cancel(work)
        self._done = before + count
        self._tell(self._done)

    def _tell(self, done: int) -> None:
        if self._progress is not None:
            self._progress(min(done, self._total), self._total)


def _from_sketch(place: Place | EsmError) -> Place | EsmError:
    """A place whose map can be scored from a sketch alone, or why not."""
    if isinstance(place, Place) and place.shelf.shape.architecture == "mlp":
        return needs_embeddings()
    return place
