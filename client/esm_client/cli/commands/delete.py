"""`esm-client delete`."""

import sys
from typing import Annotated

import typer

from esm_client.cli.options.session import Session
from esm_client.cli.output import print_line
from esm_client.core.errors import InvalidInput


def delete(
    session: Session,
    reference: Annotated[
        str,
        typer.Argument(metavar="REFERENCE", help="namespace/name@3, or all of namespace/name."),
    ],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Delete a version, or an ESM with all its versions, for ever.

    Needs the role admin. To take a bad version out of the way, yank it instead.
    """
    if not yes:
        _confirm(reference)
    with session.client() as client:
        client.esms.delete(reference)
    session.output.result(
        {"deleted": reference},
        names=[reference],
        human=lambda: print_line(f"{reference} is deleted."),
    )


def _confirm(reference: str) -> None:
    if not sys.stdin.isatty():
        raise InvalidInput(
            f"Deleting {reference} cannot be taken back, and there is no terminal to ask.",
            "Say --yes if you mean it, or yank it instead.",
        )
    typed = typer.prompt(f"This cannot be taken back. Type {reference} to delete it", err=True)
    if typed != reference:
        raise InvalidInput("That is not what was to be deleted.", "Nothing was deleted.")
