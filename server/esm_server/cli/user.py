"""`esm-server user`."""

from typing import TYPE_CHECKING, Annotated

import typer

from esm_server.cli.options import AsJson, DataDir, settings_of

if TYPE_CHECKING:
    from esm_client.core.schemas import User

user_app = typer.Typer(help="Users, beside a running server too.", no_args_is_help=True)

PAGE = 1000

Name = Annotated[str, typer.Argument(metavar="USER")]


@user_app.command("list")
def list_users(data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """List all users."""
    from esm_server.auth.lives import TokenLives
    from esm_server.auth.users import UserService
    from esm_server.cli.working import show
    from esm_server.operations.opening import opened_database
    from esm_server.operations.operator import administering
    from esm_server.pagination import Slice

    settings = settings_of(data_dir)
    with opened_database(settings) as database:
        service = UserService(database, TokenLives.of(settings))
        page = service.list(administering(), Slice(None, PAGE))
        users = page.items
        while page.next is not None:
            page = service.list(administering(), Slice(page.next, PAGE))
            users += page.items
    lines = [_line(user) for user in users]
    document = {"users": [user.model_dump(mode="json") for user in users]}
    show(document, lines or ["No user yet."], as_json=as_json)


@user_app.command("disable")
def disable(name: Name, data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """Refuse all tokens of a user from now on; their rankings and uploads on the way end."""
    _set(name, disabled=True, data_dir=data_dir, as_json=as_json)


@user_app.command("enable")
def enable(name: Name, data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """Take that back: tokens that have not ended meanwhile are good again."""
    _set(name, disabled=False, data_dir=data_dir, as_json=as_json)


def _line(user: "User") -> str:
    of = f" of {user.namespace}" if user.namespace else ""
    admin = ", admin of the registry" if user.is_admin else ""
    state = f", disabled {user.disabled_at:%Y-%m-%d}" if user.disabled_at else ""
    return f"{user.name}  {user.kind}{of}{admin}{state}"


def _set(name: str, *, disabled: bool, data_dir: DataDir, as_json: bool) -> None:
    from esm_server.auth.lives import TokenLives
    from esm_server.auth.users import UserService
    from esm_server.cli.working import show
    from esm_server.operations.opening import opened_database
    from esm_server.operations.operator import administering

    settings = settings_of(data_dir)
    with opened_database(settings) as database:
        service = UserService(database, TokenLives.of(settings))
        user = (service.disable if disabled else service.enable)(administering(), name)
    state = "disabled" if disabled else "enabled"
    show(user.model_dump(mode="json"), [f"{name} is {state}."], as_json=as_json)
