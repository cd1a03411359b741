"""A process that scores chunks: a request per line on its input, an answer per line on its output.

    python -m esm_server.engine.worker DEVICE

It starts with one thread for its linear algebra (see crew.py): several workers share the machine.
A request names the files of a sketch and of a shelf, and rows of that shelf; the answer holds the
scores and a digest of which maps they belong to. Without a shelf it is the identity map's score.
"""

import base64
import json
import sys
import time
from collections import OrderedDict
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from esm_client.core.errors import EsmError
from esm_server.engine.shelf import MapShape, Shelf, check_of
from esm_server.engine.target import ScoredTarget

KEPT_TARGETS = 4


class Worker:
    """Targets and shelves that are open already."""

    def __init__(self, device: str) -> None:
        self._device = device
        self._targets: OrderedDict[tuple[str, str | None, bool], ScoredTarget] = OrderedDict()
        self._shelves: dict[str, Shelf] = {}

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        """Score one chunk; an error becomes an answer too."""
        rows = np.frombuffer(base64.b64decode(request["rows"]), dtype="<i8").astype(np.intp)
        try:
            target = self._target(request["sketch"], request["embedded"], request["intercept"])
            if request["shelf"] is None:
                return {"scores": _encoded(np.array([target.identity()])), "check": ""}
            shelf = self._shelf(request["shelf"], request["shape"])
            records = shelf.records(int(rows.max()) + 1)
            if not shelf.are_sound(rows):
                return {"lost": "damaged records"}
            scorer = target.scorer(records, screen=request["screen"])
            started = time.perf_counter()
            scores = scorer(rows)
            seconds = time.perf_counter() - started
        except EsmError as error:
            return {"code": error.code, "message": error.message, "hint": error.hint}
        except (FileNotFoundError, IndexError) as error:  # the shelf was written anew meanwhile
            return {"lost": str(error)}
        return {"scores": _encoded(scores), "check": check_of(records, rows), "seconds": seconds}

    def _target(self, sketch: str, embedded: str | None, intercept: bool) -> ScoredTarget:
        key = (sketch, embedded, intercept)
        if key not in self._targets:
            self._targets[key] = ScoredTarget(
                Path(sketch), None if embedded is None else Path(embedded), intercept=intercept,
                device=self._device,
            )  # fmt: skip
            if len(self._targets) > KEPT_TARGETS:
                self._targets.popitem(last=False)
        self._targets.move_to_end(key)
        return self._targets[key]

    def _shelf(self, path: str, shape: str) -> Shelf:
        if path not in self._shelves:
            for known in [known for known in self._shelves if not Path(known).exists()]:
                del self._shelves[known]  # compacted away: let go of its pages
            parsed = MapShape.parse(shape)
            if parsed is None:
                raise IndexError(f"no shape of maps: {shape}")
            self._shelves[path] = Shelf(Path(path), parsed)
        return self._shelves[path]


def _encoded(scores: NDArray[np.float64]) -> str:
    return base64.b64encode(scores.astype("<f8").tobytes()).decode()


def main() -> None:
    """Answer until the input ends, which it does with the server, however that ends."""
    worker = Worker(sys.argv[1])
    with suppress(BrokenPipeError):  # the server is gone
        for line in sys.stdin:
            sys.stdout.write(json.dumps(worker.answer(json.loads(line))) + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
