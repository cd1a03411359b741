"""`esm-client rank`."""

from pathlib import Path
from typing import Annotated

import typer

from esm_client.cli.commands.ranking import Top, print_ranking
from esm_client.cli.options.data import (
    DATA_HELP,
    DataRevision,
    Delimiter,
    LabelColumn,
    LimitRows,
    Seed,
    SourceKindOption,
    Split,
    Streaming,
    Subset,
    TextColumns,
    Unlabelled,
)
from esm_client.cli.options.filters import (
    Domain,
    Exclude,
    Language,
    Licence,
    Namespace,
    Owner,
    Tag,
    given,
)
from esm_client.cli.options.session import Session
from esm_client.cli.rank_request import RankRequest
from esm_client.core.schemas import EsmFilter
from esm_client.core.schemas.rankings import Mode
from esm_client.workflows.rank import rank_by_evidence

METHOD_HELP = (
    "A selection method: esm-logme (the default), text-embedding, vocabulary, size, esm-h-score, "
    "esm-knn, random; with source models logme, nce, leep, frozen-transfer, task-embedding (in "
    "Python only); or all: each of these but random and task-embedding that can rank for such "
    "labels, those of source models only with --source-model. Several side by side: repeat it."
)


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
    kind: SourceKindOption = None,
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
    method: Annotated[list[str] | None, typer.Option(metavar="NAME", help=METHOD_HELP)] = None,
    source_model: Annotated[
        list[str] | None,
        typer.Option(
            metavar="REFERENCE=FOLDER", help="A source's fine-tuned model, for methods; repeat."
        ),
    ] = None,
    scores: Annotated[
        bool, typer.Option("--scores", help="Show the scores of --method beside its ranks.")
    ] = False,
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
    single embedding unless you say --send-embeddings. With any --method but esm-logme alone, the
    space's ESMs are pulled (what is missing) and ranked here, and nothing of the data travels;
    methods named that need source models pull those that the registry stores, too.
    """
    wanted = given(
        language=language,
        domain=domain,
        licence=licence,
        namespace=namespace,
        owner=owner,
        tag=tag,
        exclude=exclude,
    )
    request = RankRequest(
        data=data, spaces=space or (), pack=pack, base_models=base_model or (),
        embeddings=embeddings, labels=labels, label_column=label_column, kind=kind,
        filter=EsmFilter(**wanted), keep_copies=keep_copies, mode=mode, uncertainty=uncertainty,
        send_embeddings=send_embeddings, intercept=not no_intercept, seed=seed, top=top,
        methods=method or (), source_models=source_model or (), scores=scores,
    )  # fmt: skip
    request.check()
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
    if task is not None and request.by_methods:
        from esm_client.cli.rank_methods import rank_by_named_methods

        rank_by_named_methods(session, request, task)
        return
    if task is not None:
        request.check_task(task)
    print_ranking(session, rank_by_evidence(session, request, task), top, data or "DATA")
