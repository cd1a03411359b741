"""Options that say how to get what an ESM stands for, and asking for what is missing."""

import sys
from typing import Annotated

import typer

from esm_client.cli.options.session import Session
from esm_client.cli.output import print_error
from esm_client.core.schemas import Source

Location = Annotated[
    str | None, typer.Option("--location", metavar="TEXT", help="Data set: hub id, URL or path.")
]
Revision = Annotated[
    str | None, typer.Option("--revision", metavar="TEXT", help="Of the data set.")
]
Licence = Annotated[str | None, typer.Option("--licence", metavar="TEXT", help="Of the data set.")]
Domain = Annotated[
    str | None, typer.Option("--domain", metavar="WORD", help="Of the texts, for instance reviews.")
]
Contact = Annotated[
    str | None, typer.Option("--contact", metavar="TEXT", help="Whom to ask for the data.")
]
SourceModel = Annotated[
    str | None,
    typer.Option("--source-model-at", metavar="TEXT", help="Hub id or URL of the source model."),
]

_ASKED = {
    "location": "Where is the data set (hub id, URL or path; Enter to skip)",
    "revision": "Which revision of it (commit, tag or date; Enter to skip)",
    "licence": "Its licence (Enter to skip)",
}


def stated(source: Source, **given: str | None) -> Source:
    """The source with what the command line says of it."""
    from esm_client.remote.http.requests import checked

    said = {key: value for key, value in given.items() if value is not None}
    return checked(Source, {**source.model_dump(), **said})


def completed(session: Session, source: Source) -> Source:
    """The source after asking on a terminal for what is missing."""
    options = session.options
    terminal = sys.stdin.isatty() and sys.stderr.isatty()
    if not source.missing or not terminal or options.as_json or options.quiet:
        return source
    answers = {
        name: typer.prompt(_ASKED[name], default="", show_default=False, err=True)
        for name in source.missing
    }
    return stated(source, **{name: text for name, text in answers.items() if text})


def warn_of_missing(source: Source) -> None:
    """Say in one line what a user of the winner would have to ask for."""
    if source.missing:
        names = ", ".join(f"--{name}" for name in source.missing)
        print_error(
            f"warning: nobody will know how to get the data set ({', '.join(source.missing)} "
            f"missing); say it with {names} or --contact, now or later with esm-client edit."
        )
