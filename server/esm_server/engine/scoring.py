"""Scoring a pool for one target: placed on shelves, cut into chunks, screened, refined."""

import hashlib
import shutil
from collections import Counter, deque
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Lock
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from esm_client.core.errors import Cancelled, EsmError, Unavailable
from esm_client.core.maps.mlp import needs_embeddings
from esm_client.core.scoring.sketch import TargetSketch
from esm_server.engine.crew import Chunk, Crew, Work
from esm_server.engine.full_rank import FullRankScorer
from esm_server.engine.pool import OpenBlob, Place, ResidentPool
from esm_server.engine.refining import Refined, refine
from esm_server.engine.shelf import MapShape, Shelf, check_of_digests
from esm_server.engine.target import not_scored

Mode = Literal["auto", "exhaustive", "screened", "prefiltered"]
Choose = Callable[[NDArray[np.float64]], NDArray[np.intp]]
"""Given the scores so far (n,), NaN for none: what to score next; nothing when it is enough."""
Progress = Callable[[int, int], None]
"""Told how many maps are scored, of how many."""

FULL_CHUNK = 8
LOW_RANK_CHUNK = 256
POLL_SECONDS = 0.5
REPLACED = 3
"""How often maps are placed again when a shelf is compacted or damaged under a ranking."""


@dataclass(frozen=True, slots=True)
class Request:
    """One target and its pool."""

    space_id: int
    sketch: bytes
    intercept: bool
    digests: Sequence[str]
    owner: str
    mode: Mode = "exhaustive"
    top: int = 10
    """How many of the best must be right when the pool is screened."""
    choose: Choose | None = None
    """What is scored of a pool that is too large to score all of it."""
    budget: float = 60.0
    """Seconds that scoring everything may take in the mode "auto"."""
    embedded: bytes | None = None
    """The target row by row (EmbeddedTarget); without it MLP maps are not scored."""


@dataclass(frozen=True, slots=True)
class Jackknife:
    """Scores (m, r) of the best r members of a pool, a fold of the target left out in each row."""

    members: NDArray[np.intp]
    scores: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class PoolScores:
    """Scores (n,) in the order of the digests, NaN for failures; the identity map's score.

    exact (n,): False for estimates of the screen, which err by at most `margin`, as far as those
    tell that were scored both ways.
    """

    identity: float
    scores: NDArray[np.float64]
    exact: NDArray[np.bool_]
    failures: dict[str, EsmError] = field(default_factory=dict[str, EsmError])
    margin: float = 0.0
    mode: Mode = "exhaustive"
    jackknife: Jackknife | None = None


class Engine:
    """The resident pools of a registry and the workers that score them."""

    def __init__(
        self, directory: Path, open_blob: OpenBlob, workers: int, device: str = "cpu"
    ) -> None:
        self._directory, self._open_blob = directory, open_blob
        shutil.rmtree(directory / "targets", ignore_errors=True)  # what a kill has left
        self._pools: dict[int, ResidentPool] = {}
        self._files: Counter[Path] = Counter()
        self._lock = Lock()
        self.crew = Crew(workers, device)
        self._workers = workers

    def pool(self, space_id: int) -> ResidentPool:
        """The maps of a space, opened when they are first asked for."""
        with self._lock:
            if space_id not in self._pools:
                directory = self._directory / f"space-{space_id}"
                self._pools[space_id] = ResidentPool(directory, self._open_blob)
            return self._pools[space_id]

    def score(
        self, request: Request, progress: Progress | None = None, cancelled: Event | None = None
    ) -> PoolScores:
        """Score all maps of a request; one bad map never stops the rest.

        Raises InvalidSketch, InvalidLabels for a target with nothing to explain, Cancelled,
        Unavailable.
        """
        design = TargetSketch.from_bytes(request.sketch).design(intercept=request.intercept)
        identity = FullRankScorer(design).identity()
        with (
            self._file(request.sketch, "sketch") as sketch,
            self._file(request.embedded or b"", "embedded") as embedded,
        ):
            paths = (sketch, embedded if request.embedded else None)
            run = _Run(self, request, paths, progress, cancelled or Event())
            result = run.all()
        return PoolScores(
            identity, result.scores, result.exact, run.failures, result.margin, run.mode
        )

    def close(self) -> None:
        """End the workers."""
        self.crew.close()

    @property
    def num_workers(self) -> int:
        """How many processes share the work."""
        return self._workers

    @contextmanager
    def _file(self, data: bytes, suffix: str) -> Generator[Path]:
        """A file for the workers, as long as any ranking needs it."""
        path = self._directory / "targets" / f"{hashlib.sha256(data).hexdigest()}.{suffix}"
        with self._lock:
            self._files[path] += 1
            if self._files[path] == 1:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(data)
        try:
            yield path
        finally:
            with self._lock:
                self._files[path] -= 1
                if not self._files[path]:
                    del self._files[path]
                    path.unlink(missing_ok=True)


class _Run:
    """One request on its way."""

    def __init__(
        self, engine: Engine, request: Request, files: tuple[Path, Path | None],
        progress: Progress | None, cancelled: Event,
    ) -> None:  # fmt: skip
        self._engine, self._request = engine, request
        self._sketch, self._embedded = files
        self._progress, self._cancelled = progress, cancelled
        self._pool = engine.pool(request.space_id)
        self._done, self._total = 0, len(request.digests)
        self.failures: dict[str, EsmError] = {}
        self.mode: Mode = "exhaustive"

    def all(self) -> Refined:
        """Exact scores of all, or of as many as the best need."""
        places = self._places(np.arange(self._total))
        known = np.fromiter(places, dtype=np.intp, count=len(places))
        self.mode = self._chosen_mode(places, known)
        if self.mode == "prefiltered" and self._request.choose is not None:
            return self._prefiltered(places, self._request.choose)
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

    def _chosen_mode(self, places: dict[int, Place], known: NDArray[np.intp]) -> Mode:
        """What was asked for; else everything, while that stays within the budget."""
        if self._request.mode != "auto":
            return self._request.mode
        counts = Counter(places[index].shelf.shape for index in known.tolist())
        needed = self._engine.crew.seconds(counts)
        if needed <= self._request.budget or self._request.choose is None:
            return "exhaustive"
        return "prefiltered"

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
                self._request.owner, self._sketch, self._embedded, self._request.intercept,
                deque(self._chunks(places, indices, screen)), found,
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
        if self._embedded is None:
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
        largest = LOW_RANK_CHUNK if shape.architecture == "low-rank" else FULL_CHUNK
        return max(1, min(largest, -(-count // (4 * self._engine.num_workers))))

    def _wait(self, work: Work, count: int) -> None:
        crew, before = self._engine.crew, self._done
        crew.start([work])
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
