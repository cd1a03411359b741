"""`esm-client audit`."""

from datetime import datetime
from itertools import islice
from typing import Annotated

import typer

from esm_client.cli.options.session import Session
from esm_client.cli.output import print_line

Time = Annotated[
    datetime | None,
    typer.Option(formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"], metavar="DATE", help="2026-05-31."),
]


def audit(
    session: Session,
    user: Annotated[str | None, typer.Option(metavar="NAME", help="Who did it.")] = None,
    action: Annotated[
        str | None, typer.Option(metavar="WORD", help="For instance esm.yank, or all of alias.")
    ] = None,
    subject: Annotated[
        str | None, typer.Option(metavar="TEXT", help="Of what, for instance team/x@3.")
    ] = None,
    namespace: Annotated[str | None, typer.Option(metavar="NAME")] = None,
    since: Time = None,
    until: Time = None,
    limit: Annotated[int, typer.Option(min=1, metavar="N", help="At most so many.")] = 50,
) -> None:
    """Show who did what, the last first; for admins."""
    with session.client() as client:
        found = client.audit.list(
            user=user,
            action=action,
            subject=subject,
            namespace=namespace,
            since=since,
            until=until,
        )
        events = list(islice(found, limit))

    def human() -> None:
        rows = [
            (
                f"{event.at:%Y-%m-%d %H:%M:%S}",
                event.user,
                event.action,
                event.subject,
                ", ".join(f"{key} {value}" for key, value in event.detail.items()),
            )
            for event in events
        ]
        session.output.table(("at (UTC)", "who", "what", "of", "details"), rows)
        if len(events) == limit:
            print_line(f"the last {limit}; --limit shows more")

    session.output.result(events, names=[str(event.id) for event in events], human=human)
