"""From a task and a pulled space to a ranking by methods."""

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from esm_client.core.artifact.source_model import source_model_files
from esm_client.core.errors import InvalidInput
from esm_client.core.schemas import EsmFilter
from esm_client.lab.data.task import TextTask
from esm_client.lab.embedding import Embedder
from esm_client.lab.progress import Show
from esm_client.lab.selection.choice import ALL, choose_methods
from esm_client.lab.selection.method import Method
from esm_client.lab.selection.ranking import MethodScores, rank_candidates
from esm_client.lab.selection.source_model import SourceModel
from esm_client.lab.selection.target import TargetTask
from esm_client.ranking.local.pool import check_space_of
from esm_client.ranking.local.space import LocalSpace
from esm_client.ranking.method_ranking import MethodRanking
from esm_client.ranking.source_pool import SourcePool
from esm_client.workflows.candidates import PulledCandidates


def rank_by_methods(
    task: TextTask,
    space: str | os.PathLike[str],
    embedder: Embedder,
    methods: Sequence[str] = (ALL,),
    *,
    source_models: Mapping[str, str | os.PathLike[str] | SourceModel] | None = None,
    filter: EsmFilter | None = None,  # noqa: A002 - the contract's own word
    keep_copies: bool = False,
    seed: int = 42,
    progress: Show = None,
) -> MethodRanking:
    """Rank the ESMs of a pulled space for a task by several selection methods at once.

    Nothing leaves this machine. Ranks of the methods stand side by side, with their agreement
    and a fused ranking.

    Args:
        task: what `load_task` reads; for question answering and sequence labelling the methods
            that need no class labels work.
        space: the folder that `Client.packs.pull` wrote.
        embedder: of the base model of that space.
        methods: names of lab.selection.METHODS; "all" for every one that can work.
        source_models: fine-tuned source models, or their folders, by `namespace/name`: without
            them logme, nce, leep and frozen-transfer rank nothing. task-embedding needs
            `SourceModel`s with their rows (`task`).
        filter, keep_copies: as for `Client.rank`.
        seed: of what has to be drawn.

    Raises InvalidInput for methods that cannot work, SpaceMismatch, and NotFound for a filter
    that leaves no ESM.
    """
    local = LocalSpace(Path(space))
    check_space_of(local, embedder.fingerprint)
    given = {
        name: model if isinstance(model, SourceModel) else Path(model)
        for name, model in (source_models or {}).items()
    }
    with_rows = [m for m in given.values() if isinstance(m, SourceModel) and m.task is not None]
    chosen = choose_methods(methods, task.kind, models=bool(given), source_rows=bool(with_rows))
    pool = SourcePool.of(local, task.rows, filter or EsmFilter(), keep_copies=keep_copies)
    models = pool.by_reference(given)
    check_folders(models)
    return rank_pool(pool, task, embedder, chosen, models, seed=seed, progress=progress)


def check_folders(models: Mapping[str, SourceModel | Path]) -> None:
    """Raise InvalidArtifact or UnsafeFile for a folder that is no source model, before work."""
    for model in models.values():
        if isinstance(model, Path):
            source_model_files(model)


def rank_pool(
    pool: SourcePool,
    task: TextTask,
    embedder: Embedder,
    methods: Sequence[Method],
    models: Mapping[str, SourceModel | Path],
    *,
    seed: int,
    progress: Show,
) -> MethodRanking:
    """Rank a pool; models by full reference. Raises InvalidInput where no method ranks any."""
    target = TargetTask(task, embedder.encoder, seed=seed)
    candidates = PulledCandidates(pool, embedder, models)
    scores = rank_candidates(candidates, target, methods, progress=progress)
    ranking = MethodRanking.of(pool, task.kind, len(task), scores, candidates.problems)
    if len(ranking) and not ranking.methods:
        reasons = " ".join(_main_reason(found) for found in scores.values())
        raise InvalidInput(
            f"None of the {len(ranking)} sources of {pool.name} can be ranked by "
            f"{', '.join(scores)}. {reasons}",
            "Choose other methods; those that need source models take them by `source_models`.",
            parameters=("methods", "source_models"),
        )
    return ranking


def _main_reason(found: MethodScores) -> str:
    """Why a method ranks no source: what most of them lack."""
    reason, _ = Counter(found.reasons.values()).most_common(1)[0]
    return f"{reason.rstrip('.')}."
