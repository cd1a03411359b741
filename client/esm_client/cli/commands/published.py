"""`esm-client import` and `esm-client export`: ESMs of the published ecosystem."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from esm_client.cli.errors import in_command_words
from esm_client.cli.options.session import Session
from esm_client.cli.options.source import Contact, Licence, stated
from esm_client.cli.output import print_line
from esm_client.core.errors import InvalidInput
from esm_client.core.quantities import counted

if TYPE_CHECKING:
    from esm_client.workflows.published import ImportedEsm

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
    from esm_client.workflows.published import import_published

    if (push is None) != (space is None):
        raise InvalidInput(
            "--push and --space belong together.", "Say where to publish, and in which space."
        )
    rows = import_published(
        folder, output, push=push, space=space, force=force, client=session.client,
        source=lambda known: stated(known, licence=licence, contact=contact),
    )  # fmt: skip
    _print(session, rows)
    if any(row.path is None or (push and row.pushed is None) for row in rows):
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

    artifact = EsmArtifact.read(directory)
    as_published(artifact).write(folder)
    is_other = artifact.map.width > artifact.map.dimension
    what = "a linear map that stands for the one" if is_other else "the linear map"
    session.output.result(
        {"path": str(folder), "same_map": not is_other},
        names=[str(folder)],
        human=lambda: print_line(f"{folder} holds {what} of {directory}"),
    )


def _print(session: Session, rows: "Sequence[ImportedEsm]") -> None:
    def human() -> None:
        cells = [(row.name, row.task, row.base_model, row.outcome, in_command_words(row.reason))
                 for row in rows]  # fmt: skip
        session.output.table(_COLUMNS, cells)
        good = sum(row.path is not None for row in rows)
        print_line(f"{good} of {counted(len(rows), 'ESM')} taken in")

    written = [str(row.path) for row in rows if row.path is not None]
    session.output.result([_entry(row) for row in rows], names=written, human=human)


def _entry(row: "ImportedEsm") -> dict[str, Any]:
    """For JSON: what is not known of it is left out."""
    known = {"task": row.task, "base_model": row.base_model, "pushed": row.pushed}
    return {
        "name": row.name,
        "path": row.path and str(row.path),
        "outcome": row.outcome,
        "reason": in_command_words(row.reason),
        **{name: value for name, value in known.items() if value},
    }
