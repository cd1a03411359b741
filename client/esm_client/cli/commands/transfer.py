"""`esm-client transfer`."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from esm_client.cli.interrupted import goes_on
from esm_client.cli.options.data import DATA_HELP, reads_data
from esm_client.cli.options.session import Session
from esm_client.cli.progress import ProgressBars
from esm_client.cli.transfer_output import print_result, report_result
from esm_client.lab.data.options import DataOptions


@reads_data()
def transfer(
    session: Session,
    data: Annotated[str, typer.Argument(metavar="DATA", help=f"Your target. {DATA_HELP}")],
    output: Annotated[
        Path, typer.Option(metavar="FOLDER", help="Where the best model and results.json go.")
    ],
    reading: DataOptions,
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
    limit_rows: Annotated[  # noqa: ARG001 - a part of `reading`
        int, typer.Option(min=20, metavar="N", help="Draw at most so many rows to train on.")
    ] = 1000,
    evaluation_rows: Annotated[
        int, typer.Option(min=20, metavar="N", help="Hold out at most so many to measure on.")
    ] = 1000,
    evaluation_split: Annotated[
        str | None, typer.Option(metavar="NAME", help="Measure on this split instead.")
    ] = None,
    seeds: Annotated[
        int, typer.Option(min=1, metavar="N", help="Fine-tune so often, from --seed on.")
    ] = 1,
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
    from esm_client.lab.evaluation.finished import TRANSFERS, Finished
    from esm_client.lab.training.recipe import FineTuneRecipe
    from esm_client.workflows.transfer import transfer as transfer_sources

    if bool(ranking) == bool(source):
        raise typer.BadParameter(
            "Give --ranking or --source, not both: a ranking names its sources."
            if ranking
            else "Give --ranking, or --source for each one to try."
        )
    models = _by_reference("--source-model", source_model or ())
    rows = _by_reference("--source-data", source_data or ())
    quiet = session.options.quiet or session.options.as_json
    with (
        session.client() as client,
        goes_on(),
    ):
        with ProgressBars(quiet=quiet, overall=TRANSFERS) as bars:

            def tell(one: Finished) -> None:
                bars.line(f"{one.done}/{one.total} {one}")

            result = transfer_sources(
                data, output, ranking=ranking, sources=source or (), top=top,
                base_model=base_model, source_models=models, source_data=rows,
                sequential=sequential, device=device,
                reading=reading.model_copy(update={"evaluation_split": evaluation_split}),
                evaluation_rows=evaluation_rows, seeds=range(reading.seed, reading.seed + seeds),
                recipe=FineTuneRecipe(epochs, learning_rate, batch_size), report=False,
                client=client, progress=bars, on_note=session.output.note, on_result=tell,
            )  # fmt: skip
        print_result(session, result)
        if ranking is not None and result.compared and not no_report:
            report_result(session, client, ranking, result)
    if not result.compared:
        raise typer.Exit(1)  # there was nothing to compare


def _by_reference(option: str, given: Sequence[str]) -> dict[str, str]:
    """The places of REFERENCE=PLACE."""
    found: dict[str, str] = {}
    for text in given:
        name, _, place = text.partition("=")
        if not place:
            raise typer.BadParameter(f"{option} is {text!r}; write REFERENCE=PATH.")
        found[name] = place
    return found
