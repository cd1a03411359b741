"""`esm-client edit`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from esm_client.cli.options.session import Session
from esm_client.cli.output import print_line
from esm_client.core.disk import disk_errors
from esm_client.core.errors import InvalidInput
from esm_client.core.references import Reference

if TYPE_CHECKING:
    from esm_client.remote.client import Client

_TEXT = "TEXT"


def edit(
    session: Session,
    reference: Annotated[
        str, typer.Argument(metavar="REFERENCE", help="namespace/name, or with @3.")
    ],
    description: Annotated[str | None, typer.Option(metavar=_TEXT, help="In one sentence.")] = None,
    tag: Annotated[
        list[str] | None, typer.Option(metavar="TAG", help="Repeat; replaces all; '' for none.")
    ] = None,
    superseded_by: Annotated[
        str | None, typer.Option(metavar="NAME", help="The ESM to use instead; '' for none.")
    ] = None,
    card: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The new card, Markdown.")
    ] = None,
    location: Annotated[
        str | None, typer.Option(metavar=_TEXT, help="Of the data set: hub id, URL or path.")
    ] = None,
    revision: Annotated[str | None, typer.Option(metavar=_TEXT, help="Of the data set.")] = None,
    licence: Annotated[str | None, typer.Option(metavar=_TEXT, help="Of the data set.")] = None,
    domain: Annotated[
        str | None, typer.Option(metavar=_TEXT, help="What the texts are, for instance reviews.")
    ] = None,
    contact: Annotated[
        str | None, typer.Option(metavar=_TEXT, help="Whom to ask for the data.")
    ] = None,
    source_model: Annotated[
        str | None, typer.Option(metavar=_TEXT, help="Where the source model lies.")
    ] = None,
) -> None:
    """Change what is kept beside an ESM; no new version is made.

    Card and source belong to the version, all else to the ESM.
    """
    wanted = Reference.parse(reference)
    tags = None if tag is None else [one for one in tag if one]
    of_esm = any(value is not None for value in (description, tags, superseded_by))
    of_source = {
        "location": location,
        "revision": revision,
        "licence": licence,
        "domain": domain,
        "contact": contact,
        "source_model": source_model,
    }
    of_source = {key: value for key, value in of_source.items() if value is not None}
    text = _read(card) if card else None
    if not (of_esm or of_source or text is not None):
        raise InvalidInput("Nothing to change was named.", "esm-client edit --help shows what.")
    with session.client() as client:
        if of_source or text is not None:
            _edit_version(client, reference, text, of_source)
        if of_esm:
            client.esms.edit(
                wanted.path, description=description, tags=tags, superseded_by=superseded_by
            )
        version = client.show(reference)
    session.output.result(
        version,
        names=[version.reference],
        human=lambda: print_line(f"{version.reference} is changed."),
    )


def _edit_version(
    client: "Client", reference: str, card: str | None, of_source: dict[str, str]
) -> None:
    from esm_client.core.schemas import Source
    from esm_client.remote.http.requests import checked

    source = None
    if of_source:
        known = client.show(reference).source.model_dump()
        given = {key: value or None for key, value in of_source.items()}
        source = checked(Source, {**known, **given})
    client.esms.edit_version(reference, card=card, source=source)


def _read(path: Path) -> str:
    with disk_errors(path, "Name a text file that you may read."):
        try:
            return path.read_text(encoding="utf-8")
        except UnicodeDecodeError as cause:
            raise InvalidInput(f"{path} is not UTF-8 text.", "Save it as UTF-8.") from cause
