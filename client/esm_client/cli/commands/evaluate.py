"""`esm-client evaluate`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from esm_client.cli.interrupted import goes_on
from esm_client.cli.options.processes import Devices, Epochs, Threads, WorkerCount
from esm_client.cli.options.session import Session
from esm_client.cli.output import print_line
from esm_client.cli.progress import ProgressBars
from esm_client.core.errors import InvalidInput
from esm_client.core.quantities import counted

if TYPE_CHECKING:
    from esm_client.workflows.evaluate import EvaluationResult


def evaluate(
    session: Session,
    sources: Annotated[
        Path, typer.Argument(metavar="SOURCES", help="A plan (.toml), or a folder of data.")
    ],
    targets: Annotated[
        Path, typer.Argument(metavar="TARGETS", help="Your own tasks: likewise, or one file.")
    ],
    output: Annotated[Path, typer.Option(metavar="FOLDER", help="Where results are kept.")],
    base_model: Annotated[
        str | None, typer.Option(metavar="FOLDER", help="Base model; default: the one in the plan.")
    ] = None,
    seeds: Annotated[
        int, typer.Option(min=1, metavar="N", help="Repeat everything with so many seeds.")
    ] = 1,
    method: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Selection method; repeat. Default: all."),
    ] = None,
    source_rows: Annotated[
        int | None,
        typer.Option(min=20, metavar="N", help="Rows of each source at most; default: 10000."),
    ] = None,
    target_rows: Annotated[
        int, typer.Option(min=20, metavar="N", help="Rows of each target to fine-tune on.")
    ] = 1000,
    evaluation_rows: Annotated[
        int, typer.Option(min=20, metavar="N", help="Rows of each target to measure on.")
    ] = 1000,
    epochs: Epochs = None,
    device: Devices = None,
    workers: WorkerCount = None,
    threads: Threads = None,
) -> None:
    """Try every source on every target, and judge the ways to choose between them.

    Fine-tunes on each source, then on each target: hours, for many. Goes on where a run was broken
    off. Writes Parquet files of all results, and report.html where a target has five sources or
    more that share no rows with it: with fewer, ways to choose cannot be judged.
    """
    from esm_client.lab.evaluation.finished import TRANSFERS, Finished
    from esm_client.workflows.evaluate import evaluate as evaluate_all

    bars = ProgressBars(quiet=session.options.quiet or session.options.as_json, overall=TRANSFERS)

    def tell(one: Finished) -> None:
        bars.line(f"{one.done}/{one.total} {one}")

    with goes_on(), bars:
        result = evaluate_all(
            sources, targets, output, base_model=base_model, seeds=range(seeds),
            methods=method or (), source_rows=source_rows, target_rows=target_rows,
            evaluation_rows=evaluation_rows, epochs=epochs, devices=device or (),
            workers=workers, threads=threads, progress=bars, on_result=tell,
        )  # fmt: skip
    _show(session, result)
    if result.failed:
        raise InvalidInput(
            f"{counted(len(result.failed), 'part')} of the grid failed.",
            f"What succeeded lies in {output}; the same command tries the rest again.",
        )


def _show(session: Session, result: "EvaluationResult") -> None:
    rows = result.cells()

    def human() -> None:
        session.output.table(result.columns, rows, result.right)
        if not result.methods:
            print_line(
                "Too little is known to judge ways to choose: it takes five sources a target. "
                f"All transfers: {result.path}/transfers.parquet"
            )
            return
        print_line("R@k: percent of the best source's performance lost by trying the first k.")
        print_line(
            f"Pictures and all transfers: {result.report}; data: {result.path}/transfers.parquet"
        )

    document: dict[str, Any] = {
        "output": str(result.path), "report": result.report and str(result.report),
        "methods": result.methods, "transfers": result.transfers,
    }  # fmt: skip
    names = [row[0] for row in rows] if result.methods else []
    session.output.result(document, names=names, human=human)
