"""The ordinary ranking, by ESM-LogME: the server's, or the same from a pulled space."""

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from esm_client.cli.options.session import Session
from esm_client.cli.output import print_error
from esm_client.cli.rank_request import RankRequest
from esm_client.core.errors import EsmError
from esm_client.core.schemas import SpaceDetail
from esm_client.workflows.target import Source

if TYPE_CHECKING:
    from esm_client.lab.data.task import TextTask
    from esm_client.ranking.ranking import Ranking


def rank_by_evidence(session: Session, request: RankRequest, task: "TextTask | None") -> "Ranking":
    """Rank for a task, or for ready embeddings where there is none."""
    asked: dict[str, Any] = {
        "intercept": request.intercept, "keep_copies": request.keep_copies,
        "filter": request.filter, "target_rows": None if task is None else task.rows,
    }  # fmt: skip
    source = Source(
        task, request.embeddings, request.labels, request.label_column, request.kind, request.sent
    )
    if request.pack is not None:
        return _locally(session, request, request.pack, source, asked)
    return _on_server(session, request, source, asked)


def _on_server(
    session: Session, request: RankRequest, source: Source, asked: dict[str, Any]
) -> "Ranking":
    from esm_client.ranking.several_spaces import merged

    with session.client() as client:
        details = [client.space(name) for name in request.spaces]  # before the work: all is right
        for detail in details:
            warn_if_retired(detail)
        rankings: list[Ranking] = []
        for number, detail in enumerate(details):
            target = source.target(session, client.url, detail, request.base_model(number))
            with session.output.counting(f"Ranking in {detail.name}") as watch:
                ranking = client.rank(
                    target.sketch,
                    folds=target.folds() if request.uncertainty else (), space=detail.name,
                    embedded=target.embedded if request.send_embeddings else None,
                    fingerprint=target.fingerprint, mode=request.mode, watch=watch, **asked,
                )  # fmt: skip
            rankings.append(ranking)
    return merged(rankings)


def _locally(
    session: Session, request: RankRequest, pack: Path, source: Source, asked: dict[str, Any]
) -> "Ranking":
    from esm_client.ranking.local.rank import rank_locally
    from esm_client.ranking.local.space import LocalSpace

    local = LocalSpace(pack)
    space = local.content.space
    target = source.target(session, known_url(session), space, request.base_model())
    with session.output.counting("Ranking") as watch:
        return rank_locally(
            local, target.sketch, fingerprint=target.fingerprint, embedded=target.embedded,
            folds=target.folds() if request.uncertainty else (), watch=watch, **asked,
        )  # fmt: skip


def known_url(session: Session) -> str:
    """The registry by which folders of base models are known; empty where none is named."""
    with suppress(EsmError), session.client() as client:
        return client.url
    return ""


def warn_if_retired(space: SpaceDetail) -> None:
    """Say so, and what to use instead."""
    if space.retired_at is not None:
        instead = f"; use {space.successor}" if space.successor else ""
        print_error(f"warning: the space {space.name} is retired and gets no new ESMs{instead}.")
