"""`esm-client rank`."""

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from esm_client.cli.columns import (
    DATA_HELP,
    DataRevision,
    Delimiter,
    KindOption,
    LabelColumn,
    LimitRows,
    Seed,
    Split,
    Streaming,
    Subset,
    TextColumns,
    Unlabelled,
)
from esm_client.cli.filters import (
    Domain,
    Exclude,
    Language,
    Licence,
    Namespace,
    Owner,
    Tag,
    given,
)
from esm_client.cli.output import print_error
from esm_client.cli.ranking import Top, print_ranking
from esm_client.cli.session import Session
from esm_client.cli.target import Source
from esm_client.core.errors import EsmError
from esm_client.core.schemas import EsmFilter, SpaceDetail
from esm_client.core.schemas.rankings import Mode

if TYPE_CHECKING:
    from esm_client.remote.ranking import Ranking


def rank(
    session: Session,
    data: Annotated[str | None, typer.Argument(metavar="DATA", help=DATA_HELP)] = None,
    space: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="One that esm-client spaces lists; several: repeat it."),
    ] = None,
    pack: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Rank here, what spaces pull wrote; ask no server."),
    ] = None,
    text_column: TextColumns = None,
    label_column: LabelColumn = None,
    base_model: Annotated[
        list[str] | None,
        typer.Option(metavar="FOLDER", help="Where the base model lies; of each space in turn."),
    ] = None,
    kind: KindOption = None,
    limit_rows: LimitRows = 1000,
    seed: Seed = 42,
    subset: Subset = None,
    split: Split = None,
    data_revision: DataRevision = None,
    streaming: Streaming = False,
    delimiter: Delimiter = None,
    unlabelled: Unlabelled = None,
    embeddings: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Ready embeddings (.npy) instead of DATA."),
    ] = None,
    labels: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Their labels: .npy, .csv or one per line.")
    ] = None,
    top: Top = None,
    language: Language = None,
    domain: Domain = None,
    licence: Licence = None,
    namespace: Namespace = None,
    owner: Owner = None,
    tag: Tag = None,
    exclude: Exclude = None,
    keep_copies: Annotated[
        bool, typer.Option("--keep-copies", help="Rank copies of your data too.")
    ] = False,
    mode: Annotated[
        Mode, typer.Option(help="Score all exactly, or estimate first what is costly.")
    ] = "auto",
    uncertainty: Annotated[
        bool,
        typer.Option("--uncertainty", help="Standard errors, from ten sketches instead of one."),
    ] = False,
    send_embeddings: Annotated[
        bool,
        typer.Option(
            "--send-embeddings",
            help="Send the embedding and label of every row, so that MLP maps are scored too.",
        ),
    ] = False,
    no_intercept: Annotated[
        bool, typer.Option("--no-intercept", help="Score without a free intercept.")
    ] = False,
) -> None:
    """Rank source tasks for your own data.

    The data stays on this machine: only a sketch of its embeddings travels, never a text, and no
    single embedding unless you say --send-embeddings.
    """
    spaces, models = space or [], base_model or []
    _check(data, embeddings, labels, spaces, pack, models)
    if pack is not None:
        _check_local(mode, send_embeddings=send_embeddings)
    task = None
    if data is not None:
        from esm_client.lab.data.loading import load_task

        with session.output.working(f"Reading {data}"):
            task = load_task(
                data,
                text_columns=text_column or (),
                label_column=label_column,
                kind=kind,
                limit_rows=limit_rows,
                seed=seed,
                subset=subset,
                split=split,
                revision=data_revision,
                streaming=streaming,
                delimiter=delimiter,
                unlabelled=unlabelled,
            )
    wanted = EsmFilter(
        **given(
            language=language,
            domain=domain,
            licence=licence,
            namespace=namespace,
            owner=owner,
            tag=tag,
            exclude=exclude,
        )
    )
    sent = _sent(pack, uncertainty=uncertainty, embeddings=send_embeddings)
    source = Source(task, embeddings, labels, label_column, kind, sent)
    asked: dict[str, Any] = {
        "intercept": not no_intercept, "keep_copies": keep_copies, "filter": wanted,
        "target_rows": None if task is None else task.rows,
    }  # fmt: skip
    if pack is not None:
        folder = models[0] if models else None
        found = _locally(session, pack, source, folder, asked, uncertainty=uncertainty)
        print_ranking(session, found, top)
        return
    from esm_client.remote.several_spaces import merged

    with session.client() as client:
        details = [client.space(name) for name in spaces]  # before the work: all is right
        for detail in details:
            _warn_if_retired(detail)
        rankings: list[Ranking] = []
        for number, detail in enumerate(details):
            folder = models[number] if models else None
            target = source.target(session, client.url, detail, folder)
            with session.output.counting(f"Ranking in {detail.name}") as watch:
                ranking = client.rank(
                    target.sketch,
                    folds=target.folds() if uncertainty else (), space=detail.name,
                    embedded=target.embedded if send_embeddings else None,
                    fingerprint=target.fingerprint, mode=mode, watch=watch, **asked,
                )  # fmt: skip
            rankings.append(ranking)
    print_ranking(session, merged(rankings), top)


def _check(
    data: str | None, embeddings: Path | None, labels: Path | None, spaces: list[str],
    pack: Path | None, models: list[str],
) -> None:  # fmt: skip
    if bool(spaces) == bool(pack):
        raise typer.BadParameter("Give --space, or --pack with a pulled one.")
    if (data is None) == (embeddings is None) or (embeddings is None) != (labels is None):
        raise typer.BadParameter("Give DATA, or --embeddings together with --labels.")
    if len(set(spaces)) < len(spaces):
        raise typer.BadParameter("Give every --space once.")
    if len(models) not in (0, max(1, len(spaces))):
        raise typer.BadParameter("Give --base-model for every space, or for none.")
    if embeddings is not None and len(spaces) > 1:
        raise typer.BadParameter("Embeddings are of one space; give DATA to rank in several.")


def _sent(pack: Path | None, *, uncertainty: bool, embeddings: bool) -> str:
    if pack is not None:
        return "Nothing is sent."
    if embeddings:
        return "The embedding and label of every row are sent."
    if uncertainty:
        return "Only its sketch and those of ten folds are sent."
    return "Only its sketch is sent."


def _check_local(mode: Mode, *, send_embeddings: bool) -> None:
    if mode in ("screened", "prefiltered"):
        raise typer.BadParameter(
            f"--mode {mode} is a server's; with --pack everything is scored exactly: leave it out."
        )
    if send_embeddings:
        raise typer.BadParameter(
            "With --pack nothing is sent, and MLP maps are scored all the same: leave "
            "--send-embeddings out."
        )


def _locally(
    session: Session, pack: Path, source: Source, base_model: str | None, asked: dict[str, Any],
    *, uncertainty: bool,
) -> "Ranking":  # fmt: skip
    from esm_client.remote.local_space import LocalSpace
    from esm_client.remote.rank_locally import rank_locally

    local = LocalSpace(pack)
    url = ""
    with suppress(EsmError), session.client() as client:
        url = client.url  # by which folders of base models are known
    target = source.target(session, url, local.content.space, base_model)
    with session.output.counting("Ranking") as watch:
        return rank_locally(
            local, target.sketch, fingerprint=target.fingerprint, embedded=target.embedded,
            folds=target.folds() if uncertainty else (), watch=watch, **asked,
        )  # fmt: skip


def _warn_if_retired(space: SpaceDetail) -> None:
    if space.retired_at is not None:
        instead = f"; use {space.successor}" if space.successor else ""
        print_error(f"warning: the space {space.name} is retired and gets no new ESMs{instead}.")
