"""`esm-client build`."""

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from esm_client.cli.errors import entry_in_command_words, in_command_words
from esm_client.cli.interrupted import goes_on
from esm_client.cli.options.processes import Devices, Epochs, Threads, WorkerCount
from esm_client.cli.options.session import Session
from esm_client.cli.output import one_line, print_line
from esm_client.cli.progress import ProgressBars
from esm_client.core.errors import InvalidInput
from esm_client.core.quantities import counted

if TYPE_CHECKING:
    from esm_client.lab.build.report import BuildReport, BuildRow


def build(
    session: Session,
    plan: Annotated[
        Path, typer.Argument(metavar="PLAN", help="A plan (.toml), or a folder or file of data.")
    ],
    output: Annotated[Path, typer.Option(metavar="FOLDER", help="Where ESMs are built.")],
    base_model: Annotated[
        list[str] | None, typer.Option(metavar="FOLDER", help="Of a base model; repeat.")
    ] = None,
    base_model_name: Annotated[
        str | None, typer.Option(metavar="NAME", help="As others know it: org/name.")
    ] = None,
    space: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Of the registry, with its base model; repeat."),
    ] = None,
    push: Annotated[
        str | None, typer.Option(metavar="NAMESPACE", help="Publish each as it is done.")
    ] = None,
    limit_rows: Annotated[
        int | None,
        typer.Option(min=1, metavar="N", help="Rows of each data set at most; default: 10000."),
    ] = None,
    epochs: Epochs = None,
    device: Devices = None,
    workers: WorkerCount = None,
    threads: Threads = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Read the data sets, say what would be built.")
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Publish what is worse than no map, too.")
    ] = False,
) -> None:
    """Build the ESMs of many data sets, and publish them.

    Goes on where a run was broken off. What fails stops nothing else.
    """
    from esm_client.lab.build.build import BUILDING
    from esm_client.workflows.build import build as build_esms

    bars = ProgressBars(quiet=session.options.quiet or session.options.as_json, overall=BUILDING)

    def told(step: str, done: int, total: int) -> None:
        bars(step, done, total)
        if step == BUILDING and done == 0:
            bars.line(f"{counted(total, 'ESM')} to build")

    def built(row: "BuildRow") -> None:
        bars.line(f"{row.space}/{row.name}: {row.outcome} {row.told}")

    if base_model_name is not None and len(base_model or ()) != 1:
        raise InvalidInput("--base-model-name names one base model.", "Give --base-model once.")
    with goes_on(), bars, ExitStack() as stack:
        needed = space or (push and not dry_run)
        client = stack.enter_context(session.client()) if needed else None
        report = build_esms(
            plan, output, base_models=base_model or (), base_model_name=base_model_name,
            spaces=space or (), push=push, limit_rows=limit_rows, epochs=epochs,
            devices=device or (), workers=workers, threads=threads, dry_run=dry_run, force=force,
            client=client, progress=told, on_result=built,
        )  # fmt: skip
    _print(session, report, dry_run=dry_run)
    if report.failed:
        raise typer.Exit(1)


def _print(session: Session, report: "BuildReport", *, dry_run: bool) -> None:
    def human() -> None:
        cells = [[*facts, in_command_words(told)] for *facts, told in report.cells()]
        session.output.table(report.COLUMNS, cells, report.RIGHT)
        counts = ", ".join(f"{number} {outcome}" for outcome, number in report.counts.items())
        print_line(f"{counted(len(report.rows), 'ESM')}: {counts}, in {report.seconds:.0f} s")
        for row in report.rows:
            if row.outcome == "failed" and row.hint:
                hint = in_command_words(row.hint)
                print_line(one_line(f"{row.name}: {hint}"))
        if dry_run:
            for row in report.rows:
                for note in row.notes:
                    print_line(one_line(f"{row.name}: {in_command_words(note)}"))

    built = [str(row.path) for row in report.rows if row.path is not None]
    document = report.document()
    told = ("reason", "hint", "notes", "push_error")
    document["esms"] = [entry_in_command_words(one, *told) for one in document["esms"]]
    session.output.result(document, names=built, human=human)
