"""`esm-client rank`."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from esm_client.cli.arrays import as_kind, load_embeddings, load_labels
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
from esm_client.cli.embedding import space_embedder
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
from esm_client.core.schemas import EsmFilter, Kind, SpaceDetail
from esm_client.core.schemas.rankings import Mode
from esm_client.core.scoring.sketch import TargetSketch
from esm_client.core.spaces import SpaceFingerprint

if TYPE_CHECKING:
    from esm_client.lab.data.task import TextTask


@dataclass(frozen=True)
class Target:
    """What is ranked for: its sketch, and the proof of its space if there is one."""

    sketch: TargetSketch
    fingerprint: SpaceFingerprint | None


def rank(
    session: Session,
    space: Annotated[str, typer.Option(metavar="NAME", help="One that esm-client spaces lists.")],
    data: Annotated[str | None, typer.Argument(metavar="DATA", help=DATA_HELP)] = None,
    text_column: TextColumns = None,
    label_column: LabelColumn = None,
    base_model: Annotated[
        str | None,
        typer.Option(metavar="FOLDER", help="Where the space's base model lies."),
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
    no_intercept: Annotated[
        bool, typer.Option("--no-intercept", help="Score without a free intercept.")
    ] = False,
) -> None:
    """Rank source tasks for your own data.

    The data stays on this machine: only a sketch of its embeddings travels, never a text.
    """
    if (data is None) == (embeddings is None) or (embeddings is None) != (labels is None):
        raise typer.BadParameter("Give DATA, or --embeddings together with --labels.")
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
    with session.client() as client:
        detail = client.space(space)  # before the work: address, token and name are right
        if detail.retired_at is not None:
            instead = f"; use {detail.successor}" if detail.successor else ""
            print_error(f"warning: the space {space} is retired and gets no new ESMs{instead}.")
        if task is not None:
            target = _from_task(session, client.url, detail, task, base_model)
        else:
            target = _from_arrays(embeddings, labels, label_column, kind)
        session.output.note(_described(target.sketch))
        with session.output.counting("Ranking") as watch:
            ranking = client.rank(
                target.sketch,
                space=space,
                fingerprint=target.fingerprint,
                intercept=not no_intercept,
                target_rows=None if task is None else task.rows,
                keep_copies=keep_copies,
                filter=wanted,
                mode=mode,
                watch=watch,
            )
    print_ranking(session, ranking, top)


def _from_arrays(
    embeddings: Path | None, labels: Path | None, label_column: str | None, kind: Kind | None
) -> Target:
    if embeddings is None or labels is None:
        raise typer.BadParameter("Give DATA, or --embeddings together with --labels.")
    matrix = load_embeddings(embeddings)
    values, kind = as_kind(load_labels(labels, label_column), kind)
    return Target(TargetSketch.from_embeddings(matrix, values, kind=kind), None)


def _from_task(
    session: Session, url: str, space: SpaceDetail, task: "TextTask", base_model: str | None
) -> Target:
    embedder = space_embedder(session, url, space, base_model)
    matrix = embedder.embed(task.texts)
    sketch = TargetSketch.from_embeddings(matrix, task.labels, kind=task.target_kind)
    return Target(sketch, embedder.fingerprint)


def _described(sketch: TargetSketch) -> str:
    labels = "classes" if sketch.kind == "classification" else "label columns"
    return (
        f"Target: {sketch.kind}, {sketch.num_rows} rows, {sketch.num_label_columns} {labels}, "
        f"{sketch.dimension} dimensions. Only its sketch is sent."
    )
