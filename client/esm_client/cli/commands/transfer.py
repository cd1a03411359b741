"""`esm-client transfer`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from esm_client.cli.interrupted import goes_on
from esm_client.cli.options.data import (
    DATA_HELP,
    DataRevision,
    Delimiter,
    LabelColumn,
    Seed,
    SourceKindOption,
    Split,
    Streaming,
    Subset,
    TextColumns,
    Unlabelled,
)
from esm_client.cli.options.session import Session
from esm_client.cli.transfer_output import Shown, print_report, report_outcomes
from esm_client.core.errors import SpaceMismatch
from esm_client.core.quantities import counted
from esm_client.core.shield.source import TargetHashes
from esm_client.workflows.base_models import space_embedder
from esm_client.workflows.ranked_target import check_ranked
from esm_client.workflows.sources import Given, Wanted, find_sources

if TYPE_CHECKING:
    from esm_client.lab.evaluation.split_task import SplitTask
    from esm_client.remote.client import Client


def transfer(
    session: Session,
    data: Annotated[str, typer.Argument(metavar="DATA", help=f"Your target. {DATA_HELP}")],
    output: Annotated[
        Path, typer.Option(metavar="FOLDER", help="Where the best model and results.json go.")
    ],
    ranking: Annotated[
        str | None, typer.Option(metavar="ID", help="Of the ranking, as rank printed it.")
    ] = None,
    source: Annotated[
        list[str] | None,
        typer.Option(metavar="REFERENCE", help="Try this one instead of a ranking's; repeat."),
    ] = None,
    top: Annotated[
        int, typer.Option(min=1, metavar="K", help="Try the best K of the ranking.")
    ] = 5,
    base_model: Annotated[
        str | None, typer.Option(metavar="FOLDER", help="Where the base model of the space lies.")
    ] = None,
    source_model: Annotated[
        list[str] | None,
        typer.Option(metavar="REFERENCE=FOLDER", help="A source model you have; repeat."),
    ] = None,
    source_data: Annotated[
        list[str] | None,
        typer.Option(metavar="REFERENCE=PATH", help="A source's data you have; repeat."),
    ] = None,
    sequential: Annotated[
        bool,
        typer.Option(
            "--sequential", help="Try all sources one after the other too, the best ranked last."
        ),
    ] = False,
    text_column: TextColumns = None,
    label_column: LabelColumn = None,
    kind: SourceKindOption = None,
    limit_rows: Annotated[
        int, typer.Option(min=20, metavar="N", help="Draw at most so many rows to train on.")
    ] = 1000,
    evaluation_rows: Annotated[
        int, typer.Option(min=20, metavar="N", help="Hold out at most so many to measure on.")
    ] = 1000,
    evaluation_split: Annotated[
        str | None, typer.Option(metavar="NAME", help="Measure on this split instead.")
    ] = None,
    seed: Seed = 42,
    seeds: Annotated[
        int, typer.Option(min=1, metavar="N", help="Fine-tune so often, from --seed on.")
    ] = 1,
    subset: Subset = None,
    split: Split = None,
    data_revision: DataRevision = None,
    streaming: Streaming = False,
    delimiter: Delimiter = None,
    unlabelled: Unlabelled = None,
    epochs: Annotated[int, typer.Option(min=1, metavar="N", help="On the target.")] = 3,
    learning_rate: Annotated[
        float, typer.Option(min=0, metavar="RATE", help="On the target.")
    ] = 2e-5,
    batch_size: Annotated[int, typer.Option(min=1, metavar="N", help="On the target.")] = 32,
    device: Annotated[str, typer.Option(metavar="NAME", help="cuda:0, mps, cpu.")] = "auto",
    no_report: Annotated[
        bool, typer.Option("--no-report", help="Do not tell the registry what came out.")
    ] = False,
) -> None:
    """Fine-tune on the best source tasks of a ranking first, then on your own data.

    Each source, and none, by the same recipe; the best model is kept. A source's model comes from
    --source-model, or the registry, or is fine-tuned here from its data. Killed, the same command
    goes on where it was. The registry is told how each source did, nothing else.
    """
    from esm_client.lab.build.plan import DataSet
    from esm_client.lab.evaluation.split_task import read_target
    from esm_client.lab.evaluation.transfer_run import check_output, run_transfers
    from esm_client.lab.training.recipe import FineTuneRecipe

    if bool(ranking) == bool(source):
        raise typer.BadParameter(
            "Give --ranking or --source, not both: a ranking names its sources."
            if ranking
            else "Give --ranking, or --source for each one to try."
        )
    given = Given.parse(source_model or (), source_data or ())
    recipe = FineTuneRecipe(epochs, learning_rate, batch_size)
    check_output(output)
    told = DataSet(
        data=data, name=Path(data).name, text_columns=tuple(text_column or ()), kind=kind,
        label_column=label_column, seed=seed, subset=subset, split=split,
        evaluation_split=evaluation_split, data_revision=data_revision, streaming=streaming,
        delimiter=delimiter, unlabelled=unlabelled,
    )  # fmt: skip
    with session.client() as client:
        # before the data is read: there is such a one
        receipt = None if ranking is None else client.ranking(ranking).receipt
        with session.output.working(f"Reading {data}"):
            target = read_target(told, limit_rows, evaluation_rows)
        if receipt is not None:
            check_ranked(receipt, target.joined)
        space, wanted, left_out = _wanted(client, ranking, source or (), top, target)
        hashes = TargetHashes.of(target.joined.rows)
        sources = find_sources(client, wanted, given, hashes)
        embedder = space_embedder(client.url, client.space(space), base_model, device=device)
        session.output.note(
            f"Target: {target.training.kind}, {counted(len(target.training), 'row')} to train on, "
            f"{len(target.evaluation)} to measure on."
        )
        for note in (*target.training.notes, *left_out):
            session.output.note(note)
        with goes_on(), Shown(quiet=session.options.quiet or session.options.as_json) as shown:
            report = run_transfers(
                target, embedder, sources, output, recipe=recipe, sequential=sequential,
                seeds=range(seed, seed + seeds), watch=shown,
            )  # fmt: skip
        print_report(session, report, len(target.evaluation), output)
        nothing = len(report.failed) == len(report.rows) - 1
        if ranking is not None and not nothing and not no_report:
            report_outcomes(session, client, ranking, report)
    if nothing:
        raise typer.Exit(1)  # there was nothing to compare


def _wanted(
    client: "Client", ranking: str | None, references: "list[str] | tuple[str, ...]", top: int,
    target: "SplitTask",
) -> tuple[str, list[Wanted], list[str]]:  # fmt: skip
    """The space, the source tasks to try, the best first, and which are copies of the target."""
    if ranking is not None:
        found = client.ranking(ranking, target_rows=target.joined.rows)
        _ = found.best  # raises NotFound where there is none
        rows = found.top(top)
        wanted = [Wanted.of(row.reference, row.digest, row.rank) for row in rows]
        copies = [f"Left out, a copy of your rows: {row.reference}" for row in found.left_out]
        return found.receipt.space, wanted, copies
    details = [client.show(reference) for reference in references]
    spaces = sorted({detail.space for detail in details})
    if len(spaces) > 1:
        raise SpaceMismatch(
            f"The sources are of {len(spaces)} spaces: {', '.join(spaces)}.",
            "Name sources of one space: they start from the same base model.",
        )
    return spaces[0], [Wanted.of(detail.reference, detail.digest) for detail in details], []
