"""Scores of ESMs for one target, whatever architecture their maps have."""

from collections.abc import Sequence
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike

from esm_client.core.errors import DimensionMismatch, EsmError
from esm_client.core.maps.low_rank import LowRankMap
from esm_client.core.maps.mlp import MlpMap, needs_embeddings
from esm_client.core.maps.storage import EsmMap, not_scored
from esm_client.core.maps.wide import WideMap
from esm_client.core.scoring.evidence import log_maximum_evidence
from esm_client.core.scoring.labels import Kind
from esm_client.core.scoring.low_rank import LowRankScorer
from esm_client.core.scoring.sketch import TargetSketch

Embedded = tuple[ArrayLike, ArrayLike]
"""Base embeddings (N, D) of the target, and its labels: what an MLP map is scored with."""
Score = float | EsmError
"""Of one ESM, or why there is none."""
_FAILURES = (EsmError, ArithmeticError, ValueError)
"""What a strange map may raise; it must not end the ranking of the others."""


class MapScorer:
    """One target, and what scoring needs of it, made once."""

    def __init__(self, sketch: TargetSketch, embedded: Embedded | None, *, intercept: bool) -> None:
        self._kind: Kind = sketch.kind
        self._embedded, self._intercept = embedded, intercept
        self._sketch = sketch
        self._design = sketch.design(intercept=intercept)

    @cached_property
    def identity(self) -> float:
        """The score of the base embeddings as they are."""
        return self._design.mean_log_evidence()

    @cached_property
    def _low_rank(self) -> LowRankScorer:
        return LowRankScorer(self._design)

    @cached_property
    def _wide(self) -> LowRankScorer:
        design = self._sketch.design(intercept=self._intercept, wide=True)
        return LowRankScorer(design, dimension=self._sketch.dimension)

    def scores(self, maps: Sequence[EsmMap]) -> list[Score]:
        """Scores of maps of one shape."""
        low_rank = [one for one in maps if isinstance(one, LowRankMap | WideMap)]
        if not low_rank:
            return [self._one(esm_map) for esm_map in maps]
        try:
            return self._batch(low_rank)
        except DimensionMismatch as error:
            return [error] * len(maps)
        except _FAILURES:  # of one of them, which the others need not suffer for
            return [self._alone(one) for one in low_rank]

    def _batch(self, maps: Sequence[LowRankMap | WideMap]) -> list[Score]:
        scorer = self._low_rank
        if isinstance(maps[0], WideMap):
            check_views(maps[0], self._sketch)
            scorer = self._wide
        scale = np.array([one.scale[0] for one in maps], dtype=np.float64)
        left, right, bias = (
            np.stack([getattr(one, part) for one in maps]) for part in ("left", "right", "bias")
        )
        with np.errstate(all="ignore"):  # what overflows is told as an ESM without a score
            return [_checked(score) for score in scorer.scores(scale, left, right, bias)]

    def _alone(self, one: LowRankMap | WideMap) -> Score:
        try:
            return self._batch([one])[0]
        except _FAILURES:
            return not_scored()

    def _one(self, esm_map: EsmMap) -> Score:
        try:
            if not isinstance(esm_map, MlpMap):
                affine = esm_map.as_affine()
                weight, bias = affine.weight.astype(np.float64), affine.bias.astype(np.float64)
                return _checked(self._design.mean_log_evidence(weight, bias))
            if self._embedded is None:
                return needs_embeddings()
            embeddings, labels = self._embedded
            read = np.asarray(embeddings, dtype=np.float64)
            if read.shape[1:] == (self._sketch.width,):  # without the views; any other is refused
                read = read[:, : self._sketch.dimension]
            features = esm_map.apply(read)
            score = log_maximum_evidence(
                features, labels, kind=self._kind, intercept=self._intercept
            )
            return _checked(score)
        except EsmError as error:
            return error
        except (ArithmeticError, ValueError):
            return not_scored()


def check_views(esm_map: WideMap, sketch: TargetSketch) -> None:
    """Raise DimensionMismatch for a map that reads another width than the target has."""
    if esm_map.width != sketch.width:
        views = "no views" if sketch.views is None else f"{sketch.views.count} views"
        raise DimensionMismatch(
            f"The ESM reads {esm_map.width - esm_map.dimension} views of an inner layer, the "
            f"target has {views}.",
            "Embed the target's texts in the ESM's own embedding space.",
        )


def _checked(score: float) -> Score:
    return float(score) if np.isfinite(score) else not_scored()
