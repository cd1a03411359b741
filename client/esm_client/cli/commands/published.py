"""`esm-client import` and `esm-client export`: ESMs of the published ecosystem."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from esm_client.cli.options.session import Session
from esm_client.cli.options.source import Contact, Licence, stated
from esm_client.cli.output import print_line
from esm_client.core.errors import EsmError, InvalidInput
from esm_client.core.quantities import counted

_COLUMNS = ("name", "task", "base model", "outcome", "")


def import_esms(
    session: Session,
    folder: Annotated[
        Path,
        typer.Argument(metavar="FOLDER", help="An ESM, a folder of them, or a hub's cache."),
    ],
    output: Annotated[Path, typer.Option(metavar="FOLDER", help="Where to write them.")],
    push: Annotated[
        str | None, typer.Option(metavar="NAMESPACE", help="Publish each there, too.")
    ] = None,
    space: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Their space: the files do not say which one."),
    ] = None,
    licence: Licence = None,
    contact: Contact = None,
    force: Annotated[
        bool, typer.Option("--force", help="Publish what the server would refuse; is recorded.")
    ] = False,
) -> None:
    """Take in ESMs that hf-dataset-selector wrote or published.

    Nothing is downloaded: name the folder of a model hub's cache. Where they came from stays
    with them. Their package pools a BERT by its pooler, a RoBERTa or DistilBERT by its first
    token, and only models named sentence-transformers by the mean: choose the space by that.
    """
    from esm_client.core.artifact.published import find_published

    if (push is None) != (space is None):
        raise InvalidInput(
            "--push and --space belong together.", "Say where to publish, and in which space."
        )
    found = find_published(folder)
    rows: list[dict[str, Any]] = []
    for esm in found:
        row: dict[str, Any] = {"name": esm.name, "path": None, "outcome": "failed", "reason": ""}
        rows.append(row)
        try:
            artifact = esm.read()
            source = stated(artifact.source, licence=licence, contact=contact)
            row |= {"task": artifact.config.task.data_set, "base_model": artifact.config.base_model}
            target = output / esm.name
            if not target.exists():
                replace(artifact, source=source).write(target)
            row |= {"path": str(target), "outcome": "imported"}
            if push is not None:
                with session.client() as client:
                    version = client.push(target, f"{push}/{esm.name}", space=space, force=force)
                row |= {"outcome": "pushed", "pushed": version.reference}
        except EsmError as error:
            row["reason"] = str(error)
    _print(session, rows)
    if any(row["outcome"] == "failed" or (push and "pushed" not in row) for row in rows):
        raise typer.Exit(1)


def export(
    session: Session,
    directory: Annotated[
        Path, typer.Argument(metavar="DIRECTORY", help="An ESM, as train or pull writes it.")
    ],
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="A new one.")],
) -> None:
    """Write an ESM as hf-dataset-selector reads it: with a linear map."""
    from esm_client.core.artifact.directory import EsmArtifact
    from esm_client.core.artifact.published import as_published

    as_published(EsmArtifact.read(directory)).write(folder)
    session.output.result(
        {"path": str(folder)},
        names=[str(folder)],
        human=lambda: print_line(f"{folder} holds the linear map of {directory}"),
    )


def _print(session: Session, rows: list[dict[str, Any]]) -> None:
    def human() -> None:
        cells = [
            [row["name"], row.get("task", ""), row.get("base_model", ""), row["outcome"],
             row["reason"]]
            for row in rows
        ]  # fmt: skip
        session.output.table(_COLUMNS, cells)
        good = sum(row["outcome"] != "failed" for row in rows)
        print_line(f"{good} of {counted(len(rows), 'ESM')} taken in")

    written = [str(row["path"]) for row in rows if row["path"]]
    session.output.result(rows, names=written, human=human)
