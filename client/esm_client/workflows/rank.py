"""The public `rank`: source tasks for your own data, by the registry or on this machine."""

import os
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from esm_client.core.errors import InvalidInput
from esm_client.core.listed import listed
from esm_client.core.progress import Progress, unheard
from esm_client.core.schemas import EsmFilter, Kind, SourceKind, SpaceDetail
from esm_client.core.schemas.rankings import Mode
from esm_client.lab.progress import Show, shown
from esm_client.workflows.base_models import BaseModel, space_embedder
from esm_client.workflows.connection import connected, warn_if_retired
from esm_client.workflows.rank_arguments import (
    ORDINARY,
    ModelSource,
    RankArguments,
    are_other_methods,
    find_clash,
)
from esm_client.workflows.target import Arrays, EmbeddedQuery, Target, read_target

if TYPE_CHECKING:
    from esm_client.lab.data.task import TextTask
    from esm_client.ranking.method_ranking import MethodRanking
    from esm_client.ranking.ranking import Ranking
    from esm_client.remote.client import Client

Note = Callable[[str], None]
"""Called with a sentence on what is done with the target."""


def rank(
    target: "Target",
    *,
    space: str | Sequence[str] = (),
    pulled: str | os.PathLike[str] | None = None,
    client: "Client | None" = None,
    base_model: BaseModel | Sequence[BaseModel] | None = None,
    kind: SourceKind | None = None,
    filter: EsmFilter | None = None,  # noqa: A002 - the contract's own word
    keep_copies: bool = False,
    intercept: bool = True,
    mode: Mode = "auto",
    uncertainty: bool = False,
    send_embeddings: bool = False,
    methods: str | Sequence[str] = (ORDINARY,),
    source_models: Mapping[str, ModelSource] | None = None,
    seed: int = 42,
    progress: Show = None,
    on_note: Note = unheard,
) -> "Ranking | MethodRanking":
    """Rank the source tasks of an embedding space for your own data, the best first.

    Texts stay on this machine: the target is embedded here, and a registry gets a sketch of its
    embeddings alone, unless `send_embeddings`. In a pulled space, and by any method but
    "esm-logme", everything is computed here.

    Args:
        target: a TextTask, or the path or hub id that `load_task` reads one from, or a pair of
            embeddings (N, D) and N labels (for a regression numbers, (N,) or (N, C)).
        space: a space of the registry, or several, whose ESMs are then ranked together.
        pulled: instead, the folder of a space that `Client.packs.pull` wrote; no server is needed.
        client: of the registry; default: `Client()`.
        base_model: folder or `Embedder` of the space's base model, one for each space; default:
            the folder known for the space.
        kind: of the labels of a path, a hub id or ready embeddings; default: regression for
            fractions, classification for everything else.
        filter, keep_copies, intercept, mode: as for `Client.rank`.
        uncertainty: give standard errors; sends the sketches of ten folds too.
        send_embeddings: send the embedding and label of every row, so that MLP maps are scored.
        methods: names of selection methods; with any but "esm-logme" the answer is a MethodRanking.
            "all": every one that can work.
        source_models: fine-tuned source models for the methods, or their folders, by
            `namespace/name`. Those that the registry stores are pulled for methods that need them.
        seed: of what reading and methods have to draw.
        progress: a callable; False for silence. Default: bars on a terminal.
        on_note: told in a sentence what the target is and what of it is sent, before it is.

    Raises InvalidInput for arguments that do not go together (its `parameters` name them) and
    targets that cannot be ranked for, NotFound, SpaceMismatch, and what `Client.rank` raises. Warns
    with EsmWarning of a retired space and of source models that cannot be pulled.
    """
    ready = isinstance(target, tuple | list)
    wanted: RankArguments = {
        "space": listed(space),
        "pulled": None if pulled is None else Path(pulled),
        "base_model": listed(base_model), "kind": kind, "filter": filter,
        "keep_copies": keep_copies, "intercept": intercept, "mode": mode,
        "uncertainty": uncertainty, "send_embeddings": send_embeddings, "methods": listed(methods),
        "source_models": source_models or {}, "seed": seed,
    }  # fmt: skip
    clash = find_clash(wanted, ready=ready)
    if clash is not None:
        raise InvalidInput(clash.message, parameters=clash.parameters)
    with shown(progress) as told:
        read = read_target(target, kind, seed, told)
        if not isinstance(read, tuple) and are_other_methods(wanted["methods"]):
            from esm_client.workflows.methods import rank_by_wanted_methods

            return rank_by_wanted_methods(read, wanted, client, told, stored=True, on_note=on_note)
        if not isinstance(read, tuple):
            _check_labels(read)
        if wanted["pulled"] is not None:
            return _on_this_machine(read, wanted, wanted["pulled"], client, told, on_note)
        with connected(client) as used:
            return _on_server(read, wanted, used, told, on_note)


def _check_labels(task: "TextTask") -> None:
    if task.kind not in ("classification", "regression"):
        raise InvalidInput(
            f"{task.source_task.data_set} is a {task.kind} data set, for which sources cannot be "
            "ranked by its labels.",
            'Rank them by the methods that need none: `methods=["all"]`',
            parameters=("methods",),
            kind=task.kind,
        )


def _query(
    target: "TextTask | Arrays", wanted: RankArguments, number: int, space: SpaceDetail,
    client: "Client | None", progress: Progress,
) -> EmbeddedQuery:  # fmt: skip
    """The target in one space, by the number of that space; raises SpaceMismatch."""
    if isinstance(target, tuple):
        kind: Kind | None = (
            wanted["kind"] if wanted["kind"] in ("classification", "regression") else None
        )
        return EmbeddedQuery.of_arrays(target, kind, space.identity)
    model = wanted["base_model"][number] if wanted["base_model"] else None
    embedder = space_embedder(client, space, model, progress=progress)
    return EmbeddedQuery.of_task(target, embedder, progress)


def _on_server(
    target: "TextTask | Arrays", wanted: RankArguments, client: "Client", progress: Progress,
    on_note: Note,
) -> "Ranking":  # fmt: skip
    from esm_client.ranking.several_spaces import merged

    details = [client.space(name) for name in wanted["space"]]  # before the work: all is right
    for detail in details:
        warn_if_retired(detail)
    rankings: list[Ranking] = []
    for number, detail in enumerate(details):
        query = _query(target, wanted, number, detail, client, progress)
        on_note(f"{query.described} {_sent(wanted)}")
        with _ended(progress, f"Ranking in {detail.name}") as told:
            ranking = client.rank(
                query.sketch, space=detail.name, fingerprint=query.fingerprint,
                intercept=wanted["intercept"], target_rows=_rows(target),
                keep_copies=wanted["keep_copies"], filter=wanted["filter"], mode=wanted["mode"],
                folds=query.folds() if wanted["uncertainty"] else (),
                embedded=query.embedded if wanted["send_embeddings"] else None, progress=told,
            )  # fmt: skip
        rankings.append(ranking)
    return merged(rankings)


@contextmanager
def _ended(progress: Progress, step: str) -> Generator[Progress]:
    """Tell that a step begins, and that it is over where the work itself has not told so."""
    over = False

    def told(name: str, done: int, total: int) -> None:
        nonlocal over
        over = done >= total > 0
        progress(name, done, total)

    progress(step, 0, 0)
    yield told
    if not over:
        progress(step, 1, 1)


def _on_this_machine(
    target: "TextTask | Arrays", wanted: RankArguments, folder: Path, client: "Client | None",
    progress: Progress, on_note: Note,
) -> "Ranking":  # fmt: skip
    from esm_client.ranking.local.rank import rank_locally
    from esm_client.ranking.local.space import LocalSpace

    local = LocalSpace(folder)
    query = _query(target, wanted, 0, local.content.space, client, progress)
    on_note(f"{query.described} Nothing is sent.")
    return rank_locally(
        local, query.sketch, fingerprint=query.fingerprint, intercept=wanted["intercept"],
        target_rows=_rows(target), keep_copies=wanted["keep_copies"], filter=wanted["filter"],
        folds=query.folds() if wanted["uncertainty"] else (), embedded=query.embedded,
        progress=progress,
    )  # fmt: skip


def _rows(target: "TextTask | Arrays") -> list[tuple[str, ...]] | None:
    return None if isinstance(target, tuple) else target.rows


def _sent(wanted: RankArguments) -> str:
    if wanted["send_embeddings"]:
        return "The embedding and label of every row are sent."
    if wanted["uncertainty"]:
        return "Only its sketch and those of ten folds are sent."
    return "Only its sketch is sent."
