"""`esm-client yank` and `esm-client unyank`."""

from typing import Annotated

import typer

from esm_client.cli.options.session import Session
from esm_client.cli.output import print_line

Version = Annotated[str, typer.Argument(metavar="REFERENCE", help="namespace/name@3 or @sha256:..")]


def yank(
    session: Session,
    reference: Version,
    reason: Annotated[str, typer.Option(metavar="TEXT", help="Why; everybody can read it.")],
) -> None:
    """Take a version out of rankings, latest and aliases.

    Whoever names its digest can still pull it, and unyank takes it back.
    """
    with session.client() as client:
        version = client.esms.yank(reference, reason)
    session.output.result(
        version,
        names=[version.reference],
        human=lambda: print_line(
            f"{version.reference} is yanked: {reason} (still there as {version.digest})"
        ),
    )


def unyank(session: Session, reference: Version) -> None:
    """Take a yank back."""
    with session.client() as client:
        version = client.esms.unyank(reference)
    session.output.result(
        version,
        names=[version.reference],
        human=lambda: print_line(f"{version.reference} is back."),
    )
