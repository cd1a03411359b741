"""`esm-client evaluate`."""

from pathlib import Path
from typing import Annotated, Any

import typer

from esm_client.cli.interrupted import goes_on
from esm_client.cli.options.session import Session
from esm_client.cli.output import print_error, print_line
from esm_client.cli.transfer_output import Shown
from esm_client.core.errors import InvalidInput
from esm_client.core.quantities import counted


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
        str | None, typer.Option(metavar="FOLDER", help="Else the one that the plan names.")
    ] = None,
    seeds: Annotated[int, typer.Option(min=1, metavar="N", help="How often, anew.")] = 1,
    method: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Of selection; repeat. Else all.")
    ] = None,
    source_rows: Annotated[
        int | None, typer.Option(min=20, metavar="N", help="Of every source at most; else 10000.")
    ] = None,
    target_rows: Annotated[
        int, typer.Option(min=20, metavar="N", help="To fine-tune on, of every target.")
    ] = 1000,
    evaluation_rows: Annotated[
        int, typer.Option(min=20, metavar="N", help="To measure on, of every target.")
    ] = 1000,
    epochs: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Of every fine-tuning; else 3.")
    ] = None,
    device: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="cuda:0 and so on; repeat. Else every GPU, or the CPU."),
    ] = None,
    workers: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Processes per device; else 1.")
    ] = None,
    threads: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="CPU threads per process.")
    ] = None,
) -> None:
    """Try every source on every target, and judge the ways to choose between them.

    Fine-tunes on each source, then on each target: hours, for many. Goes on where a run was broken
    off. Writes Parquet files of all results, and report.html where a target has five sources or
    more that share no rows with it: with fewer, ways to choose cannot be judged.
    """
    from esm_client.lab.build.plan import Plan
    from esm_client.lab.evaluation.grid import run_grid
    from esm_client.lab.evaluation.plan import EvaluationPlan
    from esm_client.lab.evaluation.report import write_report
    from esm_client.lab.evaluation.study import MIN_SOURCES
    from esm_client.lab.evaluation.usable import check_data
    from esm_client.lab.extras import require

    for path in (sources, targets):
        if not path.exists():
            raise InvalidInput(f"There is no {path}.", "Name a plan (.toml), or a folder of data.")
    require("matplotlib", "study")  # before hours of work
    settings: dict[str, Any] = {
        "seeds": tuple(range(seeds)), "target_rows": target_rows,
        "evaluation_rows": evaluation_rows,
    }  # fmt: skip
    if method:
        settings["methods"] = tuple(method)
    plan = EvaluationPlan.of(
        Plan.read(sources, limit_rows=source_rows, epochs=epochs),
        Plan.read(targets, epochs=epochs),
        base_model=base_model,
        **settings,
    )
    if len(plan.sources) < MIN_SOURCES:
        print_error(
            f"warning: {counted(len(plan.sources), 'source')}: too few to judge ways to choose, "
            f"which takes {MIN_SOURCES}; the transfers are made and shown all the same."
        )
    with goes_on():
        with session.output.working("Reading all data"):
            check_data(plan, lambda problem: print_error(f"warning: {problem}"))
        with Shown(quiet=session.options.quiet or session.options.as_json) as shown:

            def watch(worker: int, step: str, done: int, total: int) -> None:
                if worker < 0:
                    shown.over(step, done, total)
                elif worker == 0:
                    shown.progress(step, done, total)

            result = run_grid(
                plan, output, devices=device or (), workers=workers, threads=threads, watch=watch
            )
    report = write_report(output, result.records)
    _show(session, output, report, result.records)
    for name, reason in result.failed.items():
        print_error(f"warning: {name} failed: {reason}")
    if result.failed:
        raise InvalidInput(
            f"{counted(len(result.failed), 'part')} of the grid failed.",
            f"What succeeded lies in {output}; the same command tries the rest again.",
        )


def _show(session: Session, output: Path, report: Path | None, records: list[Any]) -> None:
    from esm_client.lab.evaluation.report import COLUMNS, table_rows
    from esm_client.lab.evaluation.study import pools
    from esm_client.lab.evaluation.transfer_table import COLUMNS as TRANSFER_COLUMNS
    from esm_client.lab.evaluation.transfer_table import RIGHT as TRANSFER_RIGHT
    from esm_client.lab.evaluation.transfer_table import transfer_cells, transfer_entries

    found, entries = pools(records), transfer_entries(records)
    rows, numbers = table_rows(found, records) if found else ([], {})

    def human() -> None:
        if not rows:
            session.output.table(TRANSFER_COLUMNS, transfer_cells(entries), TRANSFER_RIGHT)
            print_line(
                "Too little is known to judge ways to choose: it takes five sources a target. "
                f"All transfers: {output}/transfers.parquet"
            )
            return
        session.output.table(COLUMNS, rows, COLUMNS[1:])
        print_line("R@k: percent of the best source's performance lost by trying the first k.")
        print_line(f"Pictures and all transfers: {report}; data: {output}/transfers.parquet")

    document: dict[str, Any] = {
        "output": str(output), "report": report and str(report), "methods": numbers,
        "transfers": entries,
    }  # fmt: skip
    session.output.result(document, names=[row[0] for row in rows], human=human)
