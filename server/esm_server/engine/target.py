"""A target as a worker holds it: decoded and decomposed once, then used for chunk after chunk."""

from collections.abc import Callable
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from esm_client.core.errors import EsmError
from esm_client.core.maps.mlp import MlpMap
from esm_client.core.scoring.design import TargetDesign
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


class Scorers:
    """What scores the maps that read x, or all of z, each made when it is first asked for."""

    def __init__(self, design: TargetDesign, dimension: int, device: str) -> None:
        self._design, self._dimension = design, dimension
        self._arrays, self.device = arrays_on(device)

    @cached_property
    def low_rank(self) -> LowRankScorer:
        """On the device."""
        return LowRankScorer(self._design, self._arrays, self.device, self._dimension)

    @cached_property
    def low_rank_on_cpu(self) -> LowRankScorer:
        """For what the device has no memory for."""
        return LowRankScorer(self._design, dimension=self._dimension)

    @cached_property
    def full(self) -> FullRankScorer:
        """Of one map after another, on the CPU."""
        return FullRankScorer(self._design)

    @cached_property
    def on_gpu(self) -> CholeskyScorer:
        """Of full maps in batches."""
        return CholeskyScorer(self._design, self._arrays, self.device)

    @cached_property
    def screen(self) -> Screen:
        """Estimates."""
        return Screen(self.low_rank.basis)


class ScoredTarget:
    """A target sketch, and its rows where they were sent, scored with records of shelves."""

    def __init__(
        self, sketch: Path, embedded: Path | None = None, *, intercept: bool, device: str = "cpu"
    ) -> None:
        self._embedded = embedded
        self._intercept, self._device = intercept, device
        self._sketch = TargetSketch.from_bytes(sketch.read_bytes())
        self._narrow = self._scorers(wide=False)

    @cached_property
    def _rows(self) -> EmbeddedTarget | None:
        if self._embedded is None:
            return None
        return EmbeddedTarget.from_bytes(self._embedded.read_bytes())

    @cached_property
    def _wide(self) -> Scorers:
        return self._scorers(wide=True)

    def _scorers(self, *, wide: bool) -> Scorers:
        design = self._sketch.design(intercept=self._intercept, wide=wide)
        return Scorers(design, self._sketch.dimension, self._device)

    def identity(self) -> float:
        """The score of the embeddings as they are; raises InvalidLabels, InvalidEmbeddings."""
        return self._narrow.full.identity()

    def scorer(self, records: Records, *, screen: bool) -> Callable[[NDArray[np.intp]], Array]:
        """What gives the scores (n,) of some records, made ready: what is done once is done here.

        Scores are NaN for a map that cannot be scored, whatever the reason.
        """
        fields = records.dtype.fields or {}
        if "hidden.weight" in fields:
            return partial(self._one_by_one, records, self._of_mlp)
        scorers = self._narrow
        if "left" in fields:
            (dimension, rank), read = fields["left"][0].shape, fields["right"][0].shape[0]
            if read > dimension:
                if read != self._sketch.width:
                    return lambda rows: np.full(len(rows), np.nan)
                scorers = self._wide
            if rank * FULL_FROM <= dimension:
                return partial(self._of_low_rank, scorers, records)
        if screen:
            return partial(self._one_by_one, records, _of_weights(scorers.screen.score))
        exactly = partial(self._one_by_one, records, _of_weights(scorers.full.score))
        if scorers.device is None:
            return exactly
        return partial(self._in_batches, scorers.on_gpu, records, exactly)

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

    def _of_low_rank(self, scorers: Scorers, records: Records, rows: NDArray[np.intp]) -> Array:
        scorer = scorers.low_rank
        directions, columns = scorer.basis.labels.inside.shape
        width = 4 * records.dtype["left"].shape[1] + columns
        most = BATCH_BYTES if scorer.xp is np else GPU_BATCH_BYTES
        size = max(1, most // (8 * directions * width))
        found = np.full(len(rows), np.nan)
        for start in range(0, len(rows), size):
            batch = records[rows[start : start + size]]
            found[start : start + size] = self._batch(scorers, scorer, batch)
        return found

    def _batch(self, scorers: Scorers, scorer: LowRankScorer, batch: Records) -> Array:
        try:
            return scorer.scores(batch["scale"], batch["left"], batch["right"], batch["bias"])
        except (EsmError, ArithmeticError, ValueError):
            if len(batch) == 1:
                return np.array([np.nan])
        except RuntimeError as error:
            if not _is_out_of_memory(error) or scorer is scorers.low_rank_on_cpu:
                raise
            if len(batch) == 1:
                return self._batch(scorers, scorers.low_rank_on_cpu, batch)
        middle = len(batch) // 2
        halves = batch[:middle], batch[middle:]
        return np.concatenate([self._batch(scorers, scorer, half) for half in halves])


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
    places = np.arange(len(weight))
    weight[places, places] += float(record["scale"])
    return weight
