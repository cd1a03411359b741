"""`esm-client doctor`."""

import dataclasses
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from esm_client.cli.errors import fix_of, next_step
from esm_client.cli.options.session import Session
from esm_client.cli.output import print_line
from esm_client.core.checkup import Check
from esm_client.core.errors import EsmError

if TYPE_CHECKING:
    from esm_client.remote.config.settings import Settings

_MARKS = {"ok": "✓", "warning": "!", "failed": "✗", "skipped": "-"}


def doctor(
    session: Session,
    base_model: Annotated[
        str | None, typer.Option(metavar="FOLDER", help="Examine this base model too.")
    ] = None,
    space: Annotated[
        str | None, typer.Option(metavar="NAME", help="Examine the base model of this space too.")
    ] = None,
) -> None:
    """Examine the way to the registry and this machine; name what to mend."""
    with session.output.working("Examining"):
        checks = list(_checks(session, base_model, space))
    checks = [dataclasses.replace(check, fix=fix_of(check)) for check in checks]
    failed = [check for check in checks if check.state == "failed"]

    def human() -> None:
        for check in checks:
            print_line(f"{_MARKS[check.state]} {check.name:12s} {check.found}")
            if check.fix:
                print_line(f"{'':15s}{check.fix}")
        print_line()
        print_line(f"{len(failed)} failed" if failed else "All is well.")

    document = [check.document() for check in checks]
    session.output.result(document, names=[check.name for check in failed], human=human)
    if failed:
        raise typer.Exit(1)


def _checks(session: Session, base_model: str | None, space: str | None) -> Iterator[Check]:
    from esm_client.lab.doctor import check_base_model, check_gpu
    from esm_client.remote.doctor.examine import examine

    try:
        settings = session.settings()
    except EsmError as error:
        yield Check("address", "failed", error.message, next_step(error))
    else:
        yield from examine(settings)
        if space is not None and base_model is None:
            found = _folder(session, settings, space)
            if isinstance(found, Check):
                yield found
            else:
                base_model = found
    if base_model is not None:
        yield check_base_model(base_model)
    yield check_gpu()


def _folder(session: Session, settings: "Settings", space: str) -> "str | Check":
    from esm_client.remote.config.base_models import base_models_file, find_folder

    try:
        with session.client() as client:
            return find_folder(base_models_file(), settings.url, client.space(space), None)
    except EsmError as error:
        return Check("base model", "failed", error.message, next_step(error))
