"""What methods say of each source, put side by side."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import isnan

import numpy as np

from esm_client.core.schemas import Source, SourceTask
from esm_client.core.scoring.fusion import descending_ranks, reciprocal_rank_fusion
from esm_client.core.scoring.quality import rank_correlation
from esm_client.ranking.method_scores import MethodScores
from esm_client.ranking.source_pool import SourcePool


@dataclass(frozen=True)
class MethodCell:
    """What one method says of one source, or the reason why it does not, and what that cost.

    prepare_seconds, seconds: of what depends on the source alone, and on the target too.
    num_bytes: of what the method keeps of a source.
    """

    rank: float | None
    score: float | None
    reason: str
    prepare_seconds: float | None
    seconds: float | None
    num_bytes: int | None


@dataclass(frozen=True)
class MethodRow:
    """One source.

    rank: in the order of the ranking, from 1; equal ones share the mean of theirs, None where no
    fused method ranks the source. fused: the score of the fusion.
    """

    reference: str
    digest: str
    task: SourceTask
    source: Source
    has_source_model: bool
    rank: float | None
    fused: float
    by_method: Mapping[str, MethodCell]


@dataclass(frozen=True)
class Agreement:
    """Spearman's correlation of two methods over the sources that both rank.

    None where it is not defined: one source alone, or a method that holds all of them equal.
    """

    methods: tuple[str, str]
    correlation: float | None
    num_sources: int


def methods_to_fuse(scores: Mapping[str, MethodScores]) -> tuple[str, ...]:
    """The method that ranks the most sources, and every other that ranks all of these.

    A source that more methods rank gathers more terms, and would win by that alone.
    """
    known = {name: ~np.isnan(found.scores) for name, found in scores.items()}
    broadest = max(known.values(), key=np.count_nonzero)
    return tuple(name for name, ranked in known.items() if not (broadest & ~ranked).any())


def ordered_rows(pool: SourcePool, scores: Mapping[str, MethodScores]) -> list[MethodRow]:
    """The sources of a pool with their scores, which are in its order, the best first."""
    columns = [scores[name].scores for name in methods_to_fuse(scores)]
    fused = reciprocal_rank_fusion(np.stack(columns, axis=1))
    places = descending_ranks(np.where(fused > 0, fused, np.nan))
    cells = {name: _cells(found, pool) for name, found in scores.items()}
    rows = [
        MethodRow(
            reference=detail.reference,
            digest=detail.digest,
            task=detail.task,
            source=detail.source,
            has_source_model=detail.source_model is not None,
            rank=_known(places[number]),
            fused=float(fused[number]),
            by_method={name: of_method[number] for name, of_method in cells.items()},
        )
        for number, detail in enumerate(pool.versions)
    ]
    return sorted(rows, key=lambda row: (row.rank is None, row.rank or 0.0, row.reference))


def _cells(found: MethodScores, pool: SourcePool) -> list[MethodCell]:
    ranks = descending_ranks(found.scores)
    sizes = [_known(size) for size in found.num_bytes]
    return [
        MethodCell(
            rank=_known(ranks[number]),
            score=_known(found.scores[number]),
            reason=found.reasons.get(detail.reference, ""),
            prepare_seconds=_known(found.prepare_seconds[number]),
            seconds=_known(found.seconds[number]),
            num_bytes=None if sizes[number] is None else int(sizes[number] or 0),
        )
        for number, detail in enumerate(pool.versions)
    ]


def _known(value: float) -> float | None:
    return None if isnan(value) else float(value)


def agreement_of(one: MethodScores, other: MethodScores) -> Agreement:
    """Of two methods."""
    both = ~np.isnan(one.scores) & ~np.isnan(other.scores)
    pair = one.scores[both], other.scores[both]
    varied = all(len(np.unique(scores)) > 1 for scores in pair)
    found = rank_correlation(*pair) if varied else None
    return Agreement((one.method, other.method), found, int(both.sum()))
