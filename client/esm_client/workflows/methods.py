"""From a task and the ESMs of a space to a ranking by several selection methods."""

import os
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from esm_client.core.artifact.source_model import source_model_files
from esm_client.core.errors import InvalidInput
from esm_client.core.listed import listed
from esm_client.core.progress import Progress, unheard
from esm_client.core.schemas import EsmFilter
from esm_client.lab.data.task import TextTask
from esm_client.lab.embedding import Embedder
from esm_client.lab.progress import Show, shown
from esm_client.lab.selection.choice import ALL, choose_methods
from esm_client.lab.selection.method import Method
from esm_client.lab.selection.ranking import rank_candidates
from esm_client.lab.selection.source_model import SourceModel
from esm_client.lab.selection.target import TargetTask
from esm_client.ranking.local.space import LocalSpace
from esm_client.ranking.method_ranking import MethodRanking
from esm_client.ranking.method_scores import MethodScores
from esm_client.ranking.source_pool import SourcePool
from esm_client.workflows.base_models import space_embedder
from esm_client.workflows.candidates import PulledCandidates
from esm_client.workflows.connection import connected, warn_if_retired
from esm_client.workflows.rank_arguments import ModelSource, RankArguments
from esm_client.workflows.source_models import stored_folders

if TYPE_CHECKING:
    from esm_client.remote.client import Client


def rank_by_methods(
    task: TextTask,
    space: str | os.PathLike[str],
    embedder: Embedder,
    methods: str | Sequence[str] = (ALL,),
    *,
    client: "Client | None" = None,
    source_models: Mapping[str, ModelSource] | None = None,
    filter: EsmFilter | None = None,  # noqa: A002 - the contract's own word
    keep_copies: bool = False,
    seed: int = 42,
    progress: Show = None,
) -> MethodRanking:
    """Rank the ESMs of a space for a task by several selection methods at once.

    Nothing of the task leaves this machine. Ranks of the methods stand side by side, with their
    agreement and a fused ranking.

    Args:
        task: what `load_task` reads; for question answering and sequence labelling the methods
            that need no class labels work.
        space: the folder that `Client.packs.pull` wrote; with `client`, the name of a space of its
            registry, which is pulled into the cache.
        embedder: of the base model of that space.
        methods: names of lab.selection.METHODS; "all" for every one that can work.
        client: of the registry that holds the space, and source models for methods that need them.
        source_models: fine-tuned source models, or their folders, by `namespace/name`: without
            them, and without `client`, logme, nce, leep and frozen-transfer rank nothing.
            task-embedding needs `SourceModel`s with their rows (`task`).
        filter, keep_copies: as for `Client.rank`.
        seed: of what has to be drawn.
        progress: a callable; False for silence. Default: bars on a terminal.

    Raises InvalidInput for methods that cannot work, SpaceMismatch, and NotFound for a filter
    that leaves no ESM.
    """
    wanted: RankArguments = {
        "space": () if client is None else (os.fspath(space),),
        "pulled": Path(space) if client is None else None,
        "base_model": (embedder,), "kind": None, "filter": filter, "keep_copies": keep_copies,
        "intercept": True, "mode": "auto", "uncertainty": False, "send_embeddings": False,
        "methods": listed(methods), "seed": seed,
        "source_models": source_models or {},
    }  # fmt: skip
    with shown(progress) as told:
        return rank_by_wanted_methods(task, wanted, client, told, stored=client is not None)


def rank_by_wanted_methods(
    task: TextTask, wanted: RankArguments, client: "Client | None", progress: Progress, *,
    stored: bool, on_note: Callable[[str], None] = unheard,
) -> MethodRanking:  # fmt: skip
    """The same for the arguments of `rank`; stored: whether to pull source models, too."""
    given = {
        name: model if isinstance(model, SourceModel) else Path(model).expanduser()
        for name, model in wanted["source_models"].items()
    }
    with_rows = [m for m in given.values() if isinstance(m, SourceModel) and m.task is not None]
    methods = choose_methods(
        wanted["methods"], task.kind, models=bool(given), source_rows=bool(with_rows)
    )
    local = _space(wanted, client, progress)
    pool = SourcePool.of(
        local, task.rows, wanted["filter"] or EsmFilter(), keep_copies=wanted["keep_copies"]
    )
    models = pool.by_reference(given)
    _check_folders(models)
    base_model = wanted["base_model"][0] if wanted["base_model"] else None
    embedder = space_embedder(client, local.content.space, base_model, progress=progress)
    on_note(f"Target: {task.kind}, {len(task)} rows. Nothing of it is sent.")
    if stored:
        found = stored_folders(client, pool, wanted["methods"], models, progress, on_note)
        models = {**found, **models}
    return _rank_pool(pool, task, embedder, methods, models, wanted["seed"], progress)


def _space(wanted: RankArguments, client: "Client | None", progress: Progress) -> LocalSpace:
    """The pulled space: from the folder that was named, or pulled into the cache."""
    if wanted["pulled"] is not None:
        return LocalSpace(wanted["pulled"])
    with connected(client) as used:
        local = used.cached_space(wanted["space"][0], progress)
    warn_if_retired(local.content.space)
    return local


def _check_folders(models: Mapping[str, SourceModel | Path]) -> None:
    """Raise InvalidArtifact or UnsafeFile for a folder that is no source model, before work."""
    for model in models.values():
        if isinstance(model, Path):
            source_model_files(model)


def _rank_pool(
    pool: SourcePool, task: TextTask, embedder: Embedder, methods: Sequence[Method],
    models: Mapping[str, SourceModel | Path], seed: int, progress: Progress,
) -> MethodRanking:  # fmt: skip
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
