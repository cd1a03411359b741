"""`esm-client user`."""

from typing import TYPE_CHECKING, Annotated

import typer

from esm_client.cli.options.session import Session, command
from esm_client.cli.output import day, print_line

if TYPE_CHECKING:
    from esm_client.core.schemas import User

app = typer.Typer(help="Users, for admins of the registry.", rich_markup_mode=None)

Name = Annotated[str, typer.Argument(metavar="USER")]


def list_users(session: Session) -> None:
    """List all users."""
    with session.client() as client:
        users = list(client.users.list())

    def human() -> None:
        columns = ("user", "kind", "of", "admin", "since", "state")
        session.output.table(columns, [_cells(user) for user in users])

    session.output.result(users, names=[user.name for user in users], human=human)


def disable(session: Session, name: Name) -> None:
    """Refuse all tokens of a user from now on; rankings and uploads on their way end."""
    with session.client() as client:
        user = client.users.disable(name)
    session.output.result(
        user,
        names=[user.name],
        human=lambda: print_line(
            f"{user.name} is disabled; esm-client user enable {user.name} takes it back."
        ),
    )


def enable(session: Session, name: Name) -> None:
    """Take that back: tokens that have not ended meanwhile are good again."""
    with session.client() as client:
        user = client.users.enable(name)
    session.output.result(
        user, names=[user.name], human=lambda: print_line(f"{user.name} is enabled.")
    )


def _cells(user: "User") -> tuple[str, ...]:
    return (
        user.name,
        user.kind,
        user.namespace or "",
        "admin" if user.is_admin else "",
        day(user.created_at),
        f"disabled {day(user.disabled_at)}" if user.disabled_at else "",
    )


command(app, "list")(list_users)
command(app, "disable")(disable)
command(app, "enable")(enable)
