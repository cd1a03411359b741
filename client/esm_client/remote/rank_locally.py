"""Ranking from a pulled space: the same kernels, no server."""

import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from functools import cached_property
from uuid import uuid4

import numpy as np
from numpy.typing import ArrayLike, NDArray

from esm_client.core.artifact.directory import MODEL
from esm_client.core.errors import DimensionMismatch, EsmError, InvalidArtifact
from esm_client.core.maps.low_rank import LowRankMap
from esm_client.core.maps.mlp import MlpMap, needs_embeddings
from esm_client.core.maps.storage import EsmMap, load_map
from esm_client.core.ordering import ordered
from esm_client.core.schemas import (
    EsmVersionDetail,
    RankedEsm,
    RankingReceipt,
    SkippedEsm,
)
from esm_client.core.scoring.evidence import SCORE_NAME, SCORE_VERSION, log_maximum_evidence
from esm_client.core.scoring.labels import Kind
from esm_client.core.scoring.low_rank import LowRankScorer
from esm_client.core.scoring.sketch import TargetSketch
from esm_client.core.spaces import SpaceFingerprint, check_same_space
from esm_client.remote.local_space import LocalSpace

BATCH = 16
Watch = Callable[[int, int], None]
Embedded = tuple[ArrayLike, ArrayLike]
"""Base embeddings (N, D) of the target, and its labels: what an MLP map is scored with."""


def rank_locally(
    local: LocalSpace,
    sketch: TargetSketch,
    *,
    fingerprint: SpaceFingerprint | None = None,
    intercept: bool = True,
    embedded: Embedded | None = None,
    watch: Watch = lambda done, total: None,  # noqa: ARG005
) -> RankingReceipt:
    """Score every ESM of a pulled space for a target; nothing leaves this machine.

    Raises DimensionMismatch, SpaceMismatch, InvalidLabels.
    """
    started = time.perf_counter()
    space = local.content.space
    if sketch.dimension != space.identity.dimension:
        raise DimensionMismatch(
            f"The sketch has {sketch.dimension} dimensions, the space {space.name!r} has "
            f"{space.identity.dimension}.",
            "Embed the target with the base model of that space.",
        )
    if fingerprint is not None:
        canaries = tuple(tuple(row) for row in space.canaries)
        stored = SpaceFingerprint(identity=space.identity, canaries=canaries)
        check_same_space(space.name, stored, fingerprint)
    scorer = _Scorer(sketch, embedded, intercept=intercept)
    identity = scorer.design.mean_log_evidence()
    rows: list[RankedEsm] = []
    skipped: list[SkippedEsm] = []
    for done, (details, maps) in enumerate(_batches(local, skipped)):
        for detail, score in zip(details, scorer.scores(maps), strict=True):
            if isinstance(score, EsmError):
                skipped.append(_skipped(detail, score))
            else:
                rows.append(_row(detail, score, identity))
        watch(min(len(local.versions), (done + 1) * BATCH), len(local.versions))
    return RankingReceipt(
        id=f"local-{uuid4().hex[:12]}",
        space=space.name,
        space_verified=fingerprint is not None,
        created_at=datetime.now(UTC),
        created_by="",
        score_name=SCORE_NAME,
        score_version=SCORE_VERSION,
        intercept=intercept,
        kind=sketch.kind,
        num_rows=sketch.num_rows,
        num_label_columns=sketch.num_label_columns,
        label_map_digest=sketch.label_map_digest,
        identity_score=identity,
        pool_generation=local.content.generation,
        pool_size=len(local.versions),
        num_exact=len(rows),
        rows=ordered(rows, sketch, intercept=intercept),
        skipped=skipped,
        seconds=time.perf_counter() - started,
    )


def _batches(
    local: LocalSpace, skipped: list[SkippedEsm]
) -> Iterator[tuple[list[EsmVersionDetail], list[EsmMap]]]:
    """ESMs with maps of one shape, a few at a time."""
    waiting: dict[tuple[str, int], tuple[list[EsmVersionDetail], list[EsmMap]]] = {}
    for detail in local.versions:
        try:
            esm_map = load_map(local.blob(detail.manifest.files[MODEL].sha256))
        except (EsmError, KeyError) as error:
            known = error if isinstance(error, EsmError) else InvalidArtifact("It has no map.")
            skipped.append(_skipped(detail, known))
            continue
        rank = esm_map.rank if isinstance(esm_map, LowRankMap) else 0
        batch = waiting.setdefault((esm_map.architecture, rank), ([], []))
        batch[0].append(detail)
        batch[1].append(esm_map)
        if len(batch[0]) == BATCH:
            yield waiting.pop((esm_map.architecture, rank))
    yield from waiting.values()


class _Scorer:
    """One target, and what scoring needs of it, made once."""

    def __init__(self, sketch: TargetSketch, embedded: Embedded | None, *, intercept: bool) -> None:
        self._kind: Kind = sketch.kind
        self._embedded, self._intercept = embedded, intercept
        self.design = sketch.design(intercept=intercept)

    @cached_property
    def _low_rank(self) -> LowRankScorer:
        return LowRankScorer(self.design)

    def scores(self, maps: Sequence[EsmMap]) -> list[float | EsmError]:
        """Scores of maps of one shape, or why there is none."""
        low_rank = [one for one in maps if isinstance(one, LowRankMap)]
        if not low_rank:
            return [self._one(esm_map) for esm_map in maps]
        scale = np.array([one.scale[0] for one in low_rank], dtype=np.float64)
        left, right, bias = (
            np.stack([getattr(one, part) for one in low_rank]) for part in ("left", "right", "bias")
        )
        return _checked(self._low_rank.scores(scale, left, right, bias))

    def _one(self, esm_map: EsmMap) -> float | EsmError:
        try:
            if not isinstance(esm_map, MlpMap):
                affine = esm_map.as_affine()
                weight, bias = affine.weight.astype(np.float64), affine.bias.astype(np.float64)
                return self.design.mean_log_evidence(weight, bias)
            if self._embedded is None:
                return needs_embeddings()
            embeddings, labels = self._embedded
            features = esm_map.apply(np.asarray(embeddings, dtype=np.float64))
            return log_maximum_evidence(
                features, labels, kind=self._kind, intercept=self._intercept
            )
        except EsmError as error:
            return error


def _checked(scores: NDArray[np.float64]) -> list[float | EsmError]:
    bad = InvalidArtifact("Its weights could not be scored.", "Train the ESM again.")
    return [float(score) if np.isfinite(score) else bad for score in scores]


def _row(detail: EsmVersionDetail, score: float, identity: float) -> RankedEsm:
    return RankedEsm(
        reference=detail.reference,
        digest=detail.digest,
        task=detail.task,
        source=detail.source,
        has_source_model=detail.source_model is not None,
        score=score,
        gain=score - identity,
    )


def _skipped(detail: EsmVersionDetail, error: EsmError) -> SkippedEsm:
    return SkippedEsm(
        reference=detail.reference, digest=detail.digest, code=error.code, reason=str(error)
    )
