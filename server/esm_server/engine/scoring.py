"""The engine: maps kept at hand, space by space, and the workers that score them."""

from collections.abc import Iterable
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from threading import Event, Lock

from esm_server.engine.crew import Crew
from esm_server.engine.intake import Intake
from esm_server.engine.pool import OpenBlob, ResidentPool
from esm_server.engine.request import PoolScores, Progress, Request
from esm_server.engine.run import Run, Target
from esm_server.engine.target_files import TargetFiles

_SPACE = "space-"


class Engine:
    """The resident pools of a registry and the workers that score them."""

    def __init__(
        self, directory: Path, open_blob: OpenBlob, workers: int, device: str = "cpu"
    ) -> None:
        self._directory, self._open_blob = directory, open_blob
        self._targets = TargetFiles(directory / "targets")
        self._pools: dict[int, ResidentPool] = {}
        self._opening: dict[int, Lock] = {}
        self._lock = Lock()
        self._intake = Intake()
        self.crew = Crew(workers, device)

    def pool(self, space_id: int) -> ResidentPool:
        """The maps of a space, opened when they are first asked for."""
        with self._lock:
            opening = self._opening.setdefault(space_id, Lock())
        with opening:  # it may take a while, in which other spaces are ranked
            if space_id not in self._pools:
                directory = self._directory / f"{_SPACE}{space_id}"
                self._pools[space_id] = ResidentPool(directory, self._open_blob)
            return self._pools[space_id]

    def open_all(self) -> None:
        """Begin to open what an earlier process has kept, in the background."""
        for path in self._directory.glob(f"{_SPACE}*"):
            if (number := path.name.removeprefix(_SPACE)).isdigit():
                self._intake.add(partial(self.pool, int(number)))

    def take_in(self, space_id: int, digests: Iterable[str]) -> None:
        """Put maps on their shelves in the background, so that no ranking has to."""
        self._intake.add(lambda: self.pool(space_id).place(digests))

    def resident(self) -> dict[int, int]:
        """How many maps are at hand, by space; spaces not opened yet are left out."""
        return {space_id: len(pool) for space_id, pool in dict(self._pools).items()}

    def score(
        self, request: Request, progress: Progress | None = None, cancelled: Event | None = None
    ) -> PoolScores:
        """Score all maps of a request; one bad map never stops the rest.

        Raises InvalidSketch, InvalidLabels for a target with nothing to explain, Cancelled,
        StorageFull, Unavailable.
        """
        with ExitStack() as files:
            path = files.enter_context(self._targets.holding(request.sketch, "sketch"))
            rows: Path | None = None
            if request.embedded is not None:
                rows = files.enter_context(self._targets.holding(request.embedded, "embedded"))
            target = Target(path, rows, request.columns)
            pool = self.pool(request.space_id)
            run = Run(self.crew, pool, request, target, progress, cancelled or Event())
            result = run.all()
            identity = run.identity()
        return PoolScores(
            identity, result.scores, result.exact, run.failures, result.margin, run.mode
        )

    def close(self) -> None:
        """End the workers."""
        self.crew.close()
