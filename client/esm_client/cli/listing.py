"""`esm-client list`."""

from typing import Annotated

import typer

from esm_client.cli.output import print_line
from esm_client.cli.session import Session


def list_esms(
    session: Session,
    space: Annotated[str | None, typer.Option(metavar="NAME", help="Only of this space.")] = None,
) -> None:
    """List ESMs with their latest versions."""
    from esm_client.remote.ranking_rows import task_name

    with session.client() as client, session.output.working("Listing"):
        esms = list(client.list(space))

    def human() -> None:
        if not esms:
            print_line("No ESMs yet; publish one with: esm-client push DIRECTORY NAMESPACE/NAME")
            return
        rows = [
            (
                f"{esm.namespace}/{esm.name}",
                str(esm.num_versions),
                task_name(esm.latest.task),
                "" if esm.latest.task.num_rows is None else str(esm.latest.task.num_rows),
                esm.latest.space,
                f"{esm.latest.created_at:%Y-%m-%d}",
            )
            for esm in esms
        ]
        columns = ("reference", "versions", "task", "rows", "space", "pushed")
        session.output.table(columns, rows, right=("versions", "rows"))

    names = [f"{esm.namespace}/{esm.name}" for esm in esms]
    session.output.result(esms, names=names, human=human)
