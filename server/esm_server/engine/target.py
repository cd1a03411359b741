"""A target as a worker holds it: decoded and decomposed once, then used for chunk after chunk."""

from collections.abc import Callable
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from esm_client.core.errors import EsmError
from esm_client.core.maps.mlp import MlpMap
from esm_client.core.scoring.embedded import EmbeddedTarget
from esm_client.core.scoring.low_rank import LowRankScorer
from esm_client.core.scoring.sketch import TargetSketch
from esm_server.engine.device import GPU_BATCH, arrays_on
from esm_server.engine.full_rank import FullRankScorer
from esm_server.engine.full_rank_cuda import CholeskyScorer
from esm_server.engine.screening import Screen
from esm_server.engine.shelf import Records

Array = NDArray[np.float64]
FULL_FROM = 11
"""A low-rank map whose rank times this exceeds D is scored as a full one: that is faster."""
BATCH_BYTES = 2**25
"""Of what is worked on at once: small enough for a processor's cache and any number of workers."""
GPU_BATCH_BYTES = 2**31
"""The same on a GPU, where a launch costs more than its arithmetic."""


class ScoredTarget:
    """A target sketch, and its rows where they were sent, scored with records of shelves."""

    def __init__(
        self, sketch: Path, embedded: Path | None = None, *, intercept: bool, device: str = "cpu"
    ) -> None:
        self._arrays, self._device = arrays_on(device)
        self._embedded = embedded
        self._intercept = intercept
        self._design = TargetSketch.from_bytes(sketch.read_bytes()).design(intercept=intercept)

    @cached_property
    def _rows(self) -> EmbeddedTarget | None:
        if self._embedded is None:
            return None
        return EmbeddedTarget.from_bytes(self._embedded.read_bytes())

    @cached_property
    def _low_rank(self) -> LowRankScorer:
        return LowRankScorer(self._design, self._arrays, self._device)

    @cached_property
    def _low_rank_on_cpu(self) -> LowRankScorer:
        return LowRankScorer(self._design)

    @cached_property
    def _full(self) -> FullRankScorer:
        return FullRankScorer(self._design)

    @cached_property
    def _on_gpu(self) -> CholeskyScorer:
        return CholeskyScorer(self._design, self._arrays, self._device)

    @cached_property
    def _screen(self) -> Screen:
        return Screen(self._low_rank.basis)

    def identity(self) -> float:
        """The score of the embeddings as they are; raises InvalidLabels, InvalidEmbeddings."""
        return self._full.identity()

    def scorer(self, records: Records, *, screen: bool) -> Callable[[NDArray[np.intp]], Array]:
        """What gives the scores (n,) of some records, made ready: what is done once is done here.

        Scores are NaN for a map that cannot be scored, whatever the reason.
        """
        fields = records.dtype.fields or {}
        if "hidden.weight" in fields:
            return partial(self._one_by_one, records, self._of_mlp)
        left = fields.get("left")
        if left is not None and left[0].shape[1] * FULL_FROM <= left[0].shape[0]:
            return partial(self._of_low_rank, self._low_rank, records)
        if screen:
            return partial(self._one_by_one, records, _of_weights(self._screen.score))
        exactly = partial(self._one_by_one, records, _of_weights(self._full.score))
        if self._device is None:
            return exactly
        return partial(self._in_batches, self._on_gpu, records, exactly)

    def _one_by_one(
        self, records: Records, score: Callable[[Any], float], rows: NDArray[np.intp]
    ) -> Array:
        return np.array([_sheltered(score, records[row]) for row in rows])

    def _of_mlp(self, record: Any) -> float:
        """From the sketch of the mapped rows."""
        if self._rows is None:
            return float("nan")
        parts = ("hidden.weight", "hidden.bias", "output.weight", "output.bias")
        esm_map = MlpMap(*(record[part] for part in parts))
        design = self._rows.sketch(esm_map.apply).design(intercept=self._intercept)
        return FullRankScorer(design).identity()

    def _in_batches(
        self, scorer: CholeskyScorer, records: Records,
        exactly: Callable[[NDArray[np.intp]], Array], rows: NDArray[np.intp],
    ) -> Array:  # fmt: skip
        """Full maps on a GPU; what it is not sure of, or has no memory for, the CPU does."""
        parts = [rows[start : start + GPU_BATCH] for start in range(0, len(rows), GPU_BATCH)]
        found = np.concatenate([self._on_the_gpu(scorer, records, part) for part in parts])
        unsure = np.flatnonzero(~np.isfinite(found))
        found[unsure] = exactly(rows[unsure])
        return found

    def _on_the_gpu(
        self, scorer: CholeskyScorer, records: Records, rows: NDArray[np.intp]
    ) -> Array:
        batch = [records[row] for row in rows]
        weight, bias = (np.stack([part(one) for one in batch]) for part in (_weight, _bias))
        try:
            return scorer.scores(weight, bias)
        except RuntimeError as error:
            if not _is_out_of_memory(error):
                raise  # this process is no good any more: another one takes its place
        if len(rows) == 1:
            return np.array([np.nan])
        halves = np.array_split(rows, 2)
        return np.concatenate([self._on_the_gpu(scorer, records, half) for half in halves])

    def _of_low_rank(
        self, scorer: LowRankScorer, records: Records, rows: NDArray[np.intp]
    ) -> Array:
        directions, columns = scorer.basis.labels.inside.shape
        width = 4 * records.dtype["left"].shape[1] + columns
        most = BATCH_BYTES if scorer.xp is np else GPU_BATCH_BYTES
        size = max(1, most // (8 * directions * width))
        found = np.full(len(rows), np.nan)
        for start in range(0, len(rows), size):
            batch = records[rows[start : start + size]]
            found[start : start + size] = self._batch(scorer, batch)
        return found

    def _batch(self, scorer: LowRankScorer, batch: Records) -> Array:
        try:
            return scorer.scores(batch["scale"], batch["left"], batch["right"], batch["bias"])
        except (EsmError, ArithmeticError, ValueError):
            if len(batch) == 1:
                return np.array([np.nan])
        except RuntimeError as error:
            if not _is_out_of_memory(error) or scorer is self._low_rank_on_cpu:
                raise
            if len(batch) == 1:
                return self._batch(self._low_rank_on_cpu, batch)
        middle = len(batch) // 2
        return np.r_[self._batch(scorer, batch[:middle]), self._batch(scorer, batch[middle:])]


def _is_out_of_memory(error: RuntimeError) -> bool:
    """Torch's own error, without importing torch; its libraries have errors of their own for it."""
    return type(error).__name__ == "OutOfMemoryError" or "ALLOC_FAILED" in str(error)


def _of_weights(score: Callable[[Any, Any], float]) -> Callable[[Any], float]:
    return lambda record: score(_weight(record), record["bias"])


def _sheltered(score: Callable[[Any], float], record: Any) -> float:
    try:
        return score(record)
    except (EsmError, ArithmeticError, ValueError):
        return float("nan")


def _bias(record: Any) -> NDArray[Any]:
    return record["bias"]


def _weight(record: Any) -> NDArray[Any]:
    if "left" not in record.dtype.names:
        return record["weight"]
    weight = record["left"].astype(np.float64) @ record["right"].astype(np.float64).T
    weight[np.diag_indices_from(weight)] += float(record["scale"])
    return weight
