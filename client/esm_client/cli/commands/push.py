"""`esm-client push` and `esm-client attach`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from esm_client.cli.options.session import Session
from esm_client.cli.options.source import (
    Contact,
    Domain,
    Licence,
    Location,
    Revision,
    SourceModel,
    completed,
    stated,
    warn_of_missing,
)
from esm_client.cli.output import print_error, print_line
from esm_client.cli.progress import ProgressBars

if TYPE_CHECKING:
    from esm_client.core.schemas import EsmVersionDetail

Folder = Annotated[
    Path | None,
    typer.Option(
        "--source-model", metavar="FOLDER", help="Store this fine-tuned model beside it too."
    ),
]


def push(
    session: Session,
    directory: Annotated[
        Path, typer.Argument(metavar="DIRECTORY", help="An ESM, as train writes it.")
    ],
    name: Annotated[str, typer.Argument(metavar="NAMESPACE/NAME", help="Where to publish it.")],
    space: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Its space, if the ESM does not describe one."),
    ] = None,
    location: Location = None,
    revision: Revision = None,
    licence: Licence = None,
    domain: Domain = None,
    contact: Contact = None,
    source_model_at: SourceModel = None,
    source_model: Folder = None,
    force: Annotated[
        bool, typer.Option("--force", help="Publish what the server would refuse; is recorded.")
    ] = False,
) -> None:
    """Publish an ESM directory.

    The same content again makes no second version.
    """
    from esm_client.core.artifact.directory import EsmArtifact
    from esm_client.core.artifact.source_model import source_model_files

    if source_model is not None:
        source_model_files(source_model)  # before anything is published
    source = stated(
        EsmArtifact.read(directory).source,
        location=location,
        revision=revision,
        licence=licence,
        domain=domain,
        contact=contact,
        source_model=source_model_at,
    )
    with session.client() as client:
        source = completed(session, source)
        with session.output.working(f"Pushing {directory}"):
            version = client.push(directory, name, space=space, source=source, force=force)
        if source_model is not None:
            pinned = f"{version.namespace}/{version.name}@{version.digest}"
            with ProgressBars(quiet=session.options.quiet, in_bytes=True) as progress:
                version = client.push_source_model(pinned, source_model, progress)
    warn_of_missing(version.source)
    for finding in version.findings:
        print_error(f"warning: {finding.message}{' (forced)' if finding.forced else ''}")
    _print(session, version)


def attach(
    session: Session,
    reference: Annotated[
        str, typer.Argument(metavar="REFERENCE", help="namespace/name, or with @3.")
    ],
    folder: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="The fine-tuned model: safetensors.")
    ],
) -> None:
    """Store the source model of a version that is published already.

    What arrived before a break is not sent again.
    """
    with (
        session.client() as client,
        ProgressBars(quiet=session.options.quiet, in_bytes=True) as progress,
    ):
        version = client.push_source_model(reference, folder, progress)
    _print(session, version)


def _print(session: Session, version: "EsmVersionDetail") -> None:
    def human() -> None:
        print_line(
            f"{version.reference} is published in the space {version.space} ({version.digest})"
        )
        if version.source_model is not None:
            print_line(f"with its source model ({len(version.source_model.files)} files)")

    pinned = f"{version.namespace}/{version.name}@{version.digest}"
    session.output.result(version, names=[pinned], human=human)
