"""A target as a worker holds it: decoded and decomposed once, then used for chunk after chunk."""

import logging
from collections.abc import Callable
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from esm_client.core.errors import EsmError, InvalidArtifact
from esm_client.core.maps.mlp import MlpMap
from esm_client.core.scoring.embedded import EmbeddedTarget
from esm_client.core.scoring.low_rank import LowRankScorer
from esm_client.core.scoring.sketch import TargetSketch
from esm_server.engine.device import arrays_on
from esm_server.engine.full_rank import FullRankScorer
from esm_server.engine.full_rank_cuda import CholeskyScorer
from esm_server.engine.screening import Screen
from esm_server.engine.shelf import Records

Array = NDArray[np.float64]
_LOG = logging.getLogger("esm_server")
FULL_FROM = 11
"""A low-rank map whose rank times this exceeds D is scored as a full one: that is faster."""
GPU_BATCH = 64
BATCH_BYTES = 2**25
"""Of what is worked on at once: small enough for a processor's cache and any number of workers."""


class ScoredTarget:
    """A target sketch, and its rows where they were sent, scored with records of shelves."""

    def __init__(
        self, sketch: Path, embedded: Path | None = None, *, intercept: bool, device: str = "cpu"
    ) -> None:
        self._arrays, self._device = arrays_on(device)
        self._embedded = embedded and EmbeddedTarget.from_bytes(embedded.read_bytes())
        self._intercept = intercept
        self._design = TargetSketch.from_bytes(sketch.read_bytes()).design(intercept=intercept)

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
        if self._embedded is None:
            return float("nan")
        parts = ("hidden.weight", "hidden.bias", "output.weight", "output.bias")
        esm_map = MlpMap(*(record[part] for part in parts))
        features = esm_map.apply(self._embedded.embeddings.astype(np.float64))
        design = self._embedded.sketch(features).design(intercept=self._intercept)
        return FullRankScorer(design).identity()

    def _in_batches(
        self, scorer: CholeskyScorer, records: Records,
        exactly: Callable[[NDArray[np.intp]], Array], rows: NDArray[np.intp],
    ) -> Array:  # fmt: skip
        """Full maps on a GPU; what it is not sure of, or has no memory for, the CPU does."""
        found = np.full(len(rows), np.nan)
        for start in range(0, len(rows), GPU_BATCH):
            batch = [records[row] for row in rows[start : start + GPU_BATCH]]
            weight, bias = (np.stack([f(r) for r in batch]) for f in (_weight, _bias))
            try:
                found[start : start + GPU_BATCH] = scorer.scores(weight, bias)
            except RuntimeError as error:  # torch's own, of which memory is the likeliest
                _LOG.warning("the GPU failed, so the CPU scores these maps: %s", error)
        unsure = np.flatnonzero(~np.isfinite(found))
        found[unsure] = exactly(rows[unsure])
        return found

    def _of_low_rank(
        self, scorer: LowRankScorer, records: Records, rows: NDArray[np.intp]
    ) -> Array:
        directions, columns = scorer.basis.labels.inside.shape
        width = 4 * records.dtype["left"].shape[1] + columns
        size = max(1, BATCH_BYTES // (8 * directions * width))
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
        except RuntimeError as error:  # torch's own, of which memory is the likeliest
            if len(batch) == 1 and scorer is not self._low_rank_on_cpu:
                _LOG.warning("the GPU failed, so the CPU scores this map: %s", error)
                return self._batch(self._low_rank_on_cpu, batch)
        middle = max(1, len(batch) // 2)
        return np.r_[self._batch(scorer, batch[:middle]), self._batch(scorer, batch[middle:])]


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


def not_scored() -> InvalidArtifact:
    """The error of a map whose score is NaN."""
    return InvalidArtifact("Its weights could not be scored.", "Train the ESM again.")
