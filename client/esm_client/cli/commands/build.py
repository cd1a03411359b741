"""`esm-client build`."""

import sys
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Annotated, Any

import typer

from esm_client.cli.interrupted import goes_on
from esm_client.cli.options.session import Session
from esm_client.cli.output import one_line, print_error, print_line
from esm_client.core.errors import InvalidInput
from esm_client.core.quantities import counted

if TYPE_CHECKING:
    from esm_client.lab.build.plan import BaseModelChoice
    from esm_client.lab.build.report import BuildReport, BuildRow
    from esm_client.remote.client import Client


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
        int | None, typer.Option(min=1, metavar="N", help="Of every data set at most; else 10000.")
    ] = None,
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
    from esm_client.lab.build.build import build as build_plan
    from esm_client.lab.build.plan import Plan

    wanted = Plan.read(plan, limit_rows=limit_rows, epochs=epochs)
    models = _models(session, base_model or [], base_model_name, space or [])
    if models:
        wanted = wanted.model_copy(update={"base_models": tuple(models)})
    shown = _Shown(quiet=session.options.quiet or session.options.as_json)
    options: dict[str, Any] = {
        "devices": device or (), "workers": workers, "threads": threads, "force": force,
        "dry_run": dry_run, "watch": shown,
    }  # fmt: skip
    with goes_on(), shown:
        if push is None or dry_run:
            report = build_plan(wanted, output, **options)
        else:
            with session.client() as client:
                client.whoami()  # before hours of work: address and token are right
                report = build_plan(
                    wanted, output, push=_pusher(client, push, force=force), **options
                )
    _print(session, report, dry_run=dry_run)
    if report.failed:
        raise typer.Exit(1)


def _models(
    session: Session, folders: list[str], name: str | None, spaces: list[str]
) -> "list[BaseModelChoice]":
    from esm_client.lab.build.plan import BaseModelChoice
    from esm_client.remote.config.base_models import base_models_file, find_folder

    if name is not None and len(folders) != 1:
        raise InvalidInput("--base-model-name names one base model.", "Give --base-model once.")
    if not spaces:
        return [BaseModelChoice(model=folder, name=name) for folder in folders]
    found: list[BaseModelChoice] = []
    with session.client() as client:
        for index, wanted in enumerate(spaces):
            detail = client.space(wanted)
            named = folders[index] if index < len(folders) else None
            identity = detail.identity
            found.append(
                BaseModelChoice(
                    model=find_folder(base_models_file(), client.url, detail, named),
                    name=identity.base_model,
                    pooling=identity.pooling,
                    max_length=identity.max_length,
                    separator=identity.separator,
                )
            )
    return found


def _pusher(client: "Client", namespace: str, *, force: bool) -> Any:
    def push(folder: Path, row: "BuildRow") -> str:
        return client.push(folder, f"{namespace}/{row.name}", force=force).reference

    return push


class _Shown:
    """Progress on stderr: bars on a terminal, a line per ESM elsewhere."""

    def __init__(self, *, quiet: bool) -> None:
        self._quiet, self._bars = quiet, sys.stderr.isatty() and not quiet
        self._progress: Any = None
        self._tasks: dict[int, Any] = {}
        self._whole: Any = None
        self._lock = Lock()

    def __enter__(self) -> "_Shown":
        if self._bars:
            from rich.console import Console
            from rich.progress import (
                BarColumn,
                MofNCompleteColumn,
                Progress,
                TextColumn,
                TimeElapsedColumn,
                TimeRemainingColumn,
            )

            self._progress = Progress(
                TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(),
                TimeElapsedColumn(), TimeRemainingColumn(), console=Console(stderr=True),
            )  # fmt: skip
            self._progress.start()
            self._whole = self._progress.add_task("Reading data sets", total=None)
        return self

    def __exit__(self, *_: object) -> None:
        if self._progress is not None:
            self._progress.stop()

    def plan(self, total: int) -> None:
        """As BuildWatch.plan."""
        if self._progress is not None:
            self._progress.update(self._whole, description="Building ESMs", total=total)
        elif not self._quiet:
            print_error(f"{counted(total, 'ESM')} to build")

    def progress(self, worker: int, label: str, step: str, done: int, total: int) -> None:
        """As BuildWatch.progress."""
        if self._progress is None:
            return
        with self._lock:
            if worker not in self._tasks:
                self._tasks[worker] = self._progress.add_task("")
            described = f"  {label}: {step.lower()}"
            self._progress.update(
                self._tasks[worker], description=described, completed=done, total=total
            )

    def done(self, row: "BuildRow") -> None:
        """As BuildWatch.done."""
        if self._progress is not None:
            self._progress.advance(self._whole)
        if not self._quiet:
            text = f"{row.space}/{row.name}: {row.outcome} {row.told}"
            if self._progress is not None:
                self._progress.console.print(one_line(text), markup=False, highlight=False)
            else:
                print_error(text)


def _print(session: Session, report: "BuildReport", *, dry_run: bool) -> None:
    def human() -> None:
        session.output.table(report.COLUMNS, report.cells(), report.RIGHT)
        counts = ", ".join(f"{number} {outcome}" for outcome, number in report.counts.items())
        print_line(f"{counted(len(report.rows), 'ESM')}: {counts}, in {report.seconds:.0f} s")
        for row in report.rows:
            if row.outcome == "failed" and row.hint:
                print_line(one_line(f"{row.name}: {row.hint}"))
        if dry_run:
            for row in report.rows:
                for note in row.notes:
                    print_line(one_line(f"{row.name}: {note}"))

    built = [str(row.path) for row in report.rows if row.path is not None]
    session.output.result(report.document(), names=built, human=human)
