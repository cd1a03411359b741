"""Many candidates by many methods: one table of scores, and what they cost."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from esm_client.core.errors import EsmError, InvalidInput
from esm_client.core.schemas import SourceKind
from esm_client.core.scoring.fusion import reciprocal_rank_fusion
from esm_client.lab.progress import ProgressBar, Show
from esm_client.lab.selection.baselines import Random, SourceSize
from esm_client.lab.selection.candidate import Candidate
from esm_client.lab.selection.esm_logme import EsmLogme
from esm_client.lab.selection.frozen_transfer import FrozenTransfer
from esm_client.lab.selection.leep import Leep
from esm_client.lab.selection.logme import Logme
from esm_client.lab.selection.mapped_features import EsmHScore, EsmNearestNeighbours
from esm_client.lab.selection.method import Method, Prepared
from esm_client.lab.selection.nce import Nce
from esm_client.lab.selection.target import TargetTask
from esm_client.lab.selection.task_embedding import TaskEmbedding
from esm_client.lab.selection.text_embedding import TextEmbedding
from esm_client.lab.selection.vocabulary_overlap import VocabularyOverlap
from esm_client.ranking.method_scores import MethodScores

METHODS: dict[str, type[Method]] = {
    method.name: method
    for method in (
        EsmLogme, Logme, Nce, Leep, TextEmbedding, TaskEmbedding, VocabularyOverlap, FrozenTransfer,
        EsmHScore, EsmNearestNeighbours, SourceSize, Random,
    )
}  # fmt: skip


FAILURES = (EsmError, ArithmeticError, ValueError, RuntimeError)
"""What a strange source may raise, want of memory included; the others need not suffer for it."""


def make_methods(names: Sequence[str]) -> list[Method]:
    """The methods of some names; raises InvalidInput for a name that is none."""
    for name in names:
        if name not in METHODS:
            raise InvalidInput(f"{name!r} is no method.", f"Choose from {', '.join(METHODS)}.")
    return [METHODS[name]() for name in names]


@dataclass(frozen=True)
class Kept:
    """Phase 1 of one candidate: what a method keeps of it, or why it cannot."""

    prepared: Prepared | None
    seconds: float = float("nan")
    num_bytes: float = float("nan")
    reason: str = ""


@dataclass(frozen=True)
class Cell:
    """Phase 2 of one candidate: its score, numbers by component (K,), or why there is none."""

    value: float | NDArray[np.float64] = float("nan")
    seconds: float = float("nan")
    reason: str = ""


def prepare(method: Method, candidate: Candidate) -> Kept:
    """Phase 1, with its costs."""
    started = time.perf_counter()
    try:
        prepared = method.prepare(candidate)
    except FAILURES as error:
        return Kept(None, reason=_said(method, error))
    if prepared is None:
        return Kept(None, reason=f"{method.name} needs {method.needs}.")
    return Kept(prepared, time.perf_counter() - started, method.num_bytes(prepared))


def score(method: Method, kept: Kept, target: TargetTask) -> Cell:
    """Phase 2, with its time."""
    if kept.prepared is None:
        return Cell(reason=kept.reason)
    started = time.perf_counter()
    try:
        value = method.score(kept.prepared, target)
    except FAILURES as error:
        return Cell(reason=_said(method, error))
    return Cell(value, time.perf_counter() - started)


def _said(method: Method, error: Exception) -> str:
    if isinstance(error, EsmError):
        return error.message
    return f"{method.name} failed: {type(error).__name__}: {str(error)[:200]}"


def rank_candidates(
    candidates: Sequence[Candidate],
    target: TargetTask,
    methods: Sequence[Method],
    *,
    progress: Show = None,
) -> dict[str, MethodScores]:
    """Score every candidate by every method; what one cannot score stops nothing.

    Candidates are taken one after the other and not kept, so they may be made one at a time.

    The shared passes over the target, the base model's and each source model's, are counted in
    the seconds of the method that comes first.

    Raises InvalidInput for a method that cannot rank for the target's kind.
    """
    for method in methods:
        check_kind(method, target.kind)
    rows: dict[str, list[tuple[Kept, Cell]]] = {method.name: [] for method in methods}
    names: list[str] = []
    with ProgressBar("Scoring source tasks", len(candidates), progress) as bar:
        for candidate in candidates:
            names.append(candidate.name)
            for method in methods:
                kept = prepare(method, candidate)
                cell = score(method, kept, target)
                # of what was prepared, a source model perhaps, the costs alone are kept
                rows[method.name].append((replace(kept, prepared=None), cell))
            bar.advance(1)
    return {name: _column(name, names, found) for name, found in rows.items()}


def check_kind(method: Method, kind: SourceKind) -> None:
    """Raise InvalidInput where a method cannot rank sources for a target of this kind."""
    if kind not in method.kinds:
        able = [name for name, other in METHODS.items() if kind in other.kinds]
        raise InvalidInput(
            f"{method.name} cannot rank sources for {kind}.",
            f"Use one of {', '.join(able)}.",
        )


def _column(method: str, names: Sequence[str], found: list[tuple[Kept, Cell]]) -> MethodScores:
    return MethodScores(
        method,
        fused_components([cell.value for _, cell in found]),
        np.array([kept.seconds for kept, _ in found]),
        np.array([cell.seconds for _, cell in found]),
        np.array([kept.num_bytes for kept, _ in found]),
        {name: cell.reason for name, (_, cell) in zip(names, found, strict=True) if cell.reason},
    )


def fused_components(values: Sequence[float | ArrayLike]) -> NDArray[np.float64]:
    """Scores (n,) of sources: numbers as they are, vectors (K,) by the fusion of K rankings."""
    widest = max((np.size(value) for value in values), default=1)
    table = np.full((len(values), widest), np.nan)
    for row, value in zip(table, values, strict=True):
        row[:] = value
    if widest == 1:
        return table[:, 0]
    fused = reciprocal_rank_fusion(table)
    fused[np.isnan(table).all(axis=1)] = np.nan
    return fused
