"""`esm-server token`."""

import json
from contextlib import closing
from datetime import timedelta
from typing import Annotated

import typer

from esm_client.core.errors import InvalidInput
from esm_server.cli.options import AsJson, DataDir, settings_of

token_app = typer.Typer(help="Access tokens.", no_args_is_help=True)


@token_app.command("create")
def create_token(
    user: Annotated[str, typer.Option(help="Who the token is for; made if need be.")],
    scope: Annotated[str, typer.Option(help="read, write or admin; each includes the former.")],
    name: Annotated[str, typer.Option(help="What the user calls this token.")] = "default",
    robot: Annotated[bool, typer.Option("--robot", help="The user is a program.")] = False,
    make_admin: Annotated[
        bool, typer.Option("--make-admin", help="A user who exists may become an admin.")
    ] = False,
    expires_days: Annotated[
        int | None,
        typer.Option(
            min=0, max=36500, help="Lifetime; else for ever, or ESM_SERVER_MAX_TOKEN_DAYS."
        ),
    ] = None,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Create a token and print it; it cannot be shown again."""
    from esm_server.auth.lives import TokenLives
    from esm_server.auth.service import AuthService
    from esm_server.db.database import Database
    from esm_server.db.migrations import prepare

    if scope not in ("read", "write", "admin"):
        raise InvalidInput(f"{scope!r} is not a scope.", "Choose read, write or admin.")
    settings = settings_of(data_dir)
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    with closing(Database(settings.url)) as database:
        prepare(database.engine)
        service = AuthService(database, TokenLives.of(settings))
        if service.is_new():
            typer.echo(f"The first token of a new registry in {settings.data_dir}.", err=True)
        made = service.create(
            user,
            scope,
            name=name,
            kind="robot" if robot else "person",
            lifetime=None if expires_days is None else timedelta(days=expires_days),
            make_admin=make_admin,
        )
    document = made.model_dump(mode="json", include={"user", "name", "scope", "expires_at"})
    typer.echo(json.dumps({**document, "token": made.secret}) if as_json else made.secret)
