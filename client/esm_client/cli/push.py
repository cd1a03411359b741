"""`esm-client push`."""

from pathlib import Path
from typing import Annotated

import typer

from esm_client.cli.output import print_line
from esm_client.cli.session import Session


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
) -> None:
    """Publish an ESM directory.

    The same content again makes no second version.
    """
    with session.client() as client, session.output.working(f"Pushing {directory}"):
        version = client.push(directory, name, space=space)
    session.output.result(
        version,
        names=[f"{version.namespace}/{version.name}@{version.digest}"],
        human=lambda: print_line(
            f"{version.reference} is published in the space {version.space} ({version.digest})"
        ),
    )
