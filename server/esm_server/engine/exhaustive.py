"""Scoring every map of a pool from one target sketch."""

import logging
import math
from collections.abc import Iterable
from dataclasses import dataclass, field

from esm_client.core.errors import EsmError, InvalidArtifact
from esm_client.core.scoring.sketch import TargetSketch
from esm_server.engine.weights import WeightsCache

SCORE_NAME = "log-maximum-evidence"
SCORE_VERSION = 1

_LOG = logging.getLogger("esm_server")


@dataclass(frozen=True, slots=True)
class PoolMember:
    """One map to score: the key of its version and the digest of its weights."""

    key: str
    weights_digest: str


@dataclass(frozen=True, slots=True)
class PoolScores:
    """Scores by key, the identity map's score, and errors by key of what could not be scored."""

    identity: float
    scores: dict[str, float] = field(default_factory=dict[str, float])
    failures: dict[str, EsmError] = field(default_factory=dict[str, EsmError])


def score_pool(
    sketch: TargetSketch, pool: Iterable[PoolMember], weights: WeightsCache, *, intercept: bool
) -> PoolScores:
    """Score all members (methods: maximum evidence per row); one bad map never stops the rest.

    Raises InvalidLabels when the target has nothing to explain.
    """
    result = PoolScores(sketch.identity_log_maximum_evidence(intercept=intercept))
    for member in pool:
        try:
            result.scores[member.key] = _score(sketch, member, weights, intercept)
        except EsmError as error:
            result.failures[member.key] = error
        except (OSError, ArithmeticError, ValueError) as error:
            _LOG.warning("%s could not be scored", member.key, exc_info=error)
            result.failures[member.key] = InvalidArtifact("Its weights could not be scored.")
    return result


def _score(
    sketch: TargetSketch, member: PoolMember, weights: WeightsCache, intercept: bool
) -> float:
    affine = weights.get(member.weights_digest)
    score = sketch.log_maximum_evidence(affine.weight, affine.bias, intercept=intercept)
    if not math.isfinite(score):
        raise InvalidArtifact(f"Its score is {score}.", "Train the ESM again.")
    return score
