"""The command `esm-server`: serve, token create, migrate."""

import json
import sys
from datetime import timedelta
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from pydantic import ValidationError

from esm_client.core.errors import EsmError, InvalidInput
from esm_server.settings import Settings

app = typer.Typer(
    help="The ESM registry server.", no_args_is_help=True, pretty_exceptions_enable=False
)
token_app = typer.Typer(help="Access tokens.", no_args_is_help=True)
app.add_typer(token_app, name="token")

DataDir = Annotated[
    Path | None, typer.Option(help="Where blobs and the database lie [ESM_SERVER_DATA_DIR].")
]


@app.command()
def serve(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one.")] = 8321,
    data_dir: DataDir = None,
) -> None:
    """Serve the registry; the first start creates the database and prints an admin token."""
    from esm_server.asgi import create_app
    from esm_server.auth.service import AuthService
    from esm_server.db.database import Database
    from esm_server.db.migrations import prepare
    from esm_server.runner import exclusive, run

    settings = _settings(data_dir)
    with exclusive(settings.data_dir):
        database = Database(settings.url)
        prepare(database.engine)
        secret = AuthService(database).create_first()
        database.close()
        if secret:
            typer.echo(f"admin token (shown only this once): {secret}")
        run(create_app(settings), host, port)


@token_app.command("create")
def create_token(
    user: Annotated[str, typer.Option(help="Who the token is for; made if need be.")],
    scope: Annotated[str, typer.Option(help="read, write or admin; each includes the former.")],
    name: Annotated[str, typer.Option(help="What the user calls this token.")] = "default",
    robot: Annotated[bool, typer.Option("--robot", help="The user is a program.")] = False,
    expires_days: Annotated[int | None, typer.Option(min=0, max=36500, help="Lifetime.")] = None,
    data_dir: DataDir = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Create a token and print it; it cannot be shown again."""
    from esm_server.auth.service import AuthService
    from esm_server.db.database import Database
    from esm_server.db.migrations import prepare

    if scope not in ("read", "write", "admin"):
        raise InvalidInput(f"{scope!r} is not a scope.", "Choose read, write or admin.")
    settings = _settings(data_dir)
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    database = Database(settings.url)
    prepare(database.engine)
    lifetime = None if expires_days is None else timedelta(days=expires_days)
    kind = "robot" if robot else "person"
    secret = AuthService(database).create(user, scope, name=name, kind=kind, lifetime=lifetime)
    database.close()
    shown = {"user": user, "name": name, "scope": scope, "token": secret}
    typer.echo(json.dumps(shown) if as_json else secret)


@app.command()
def migrate(data_dir: DataDir = None) -> None:
    """Bring the database to the schema of this version."""
    from esm_server.db.database import Database
    from esm_server.db.migrations import upgrade

    settings = _settings(data_dir)
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    database = Database(settings.url)
    upgrade(database.engine)
    database.close()
    typer.echo("The database is up to date.")


def _settings(data_dir: Path | None) -> Settings:
    return Settings() if data_dir is None else Settings(data_dir=data_dir)


def main() -> None:
    """Run the command; an error of ours takes two lines and exits with 1."""
    try:
        app()
    except EsmError as error:
        _fail(error.message, error.hint)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        name = "ESM_SERVER_" + ".".join(str(part) for part in first["loc"]).upper()
        _fail(f"The setting {name} is {first['input']!r}: {first['msg']}.", "Correct or unset it.")
    except OSError as error:
        _fail(
            f"{error.filename or 'A file'} cannot be used: {error.strerror or error}.",
            "Choose a --data-dir that this user may write to.",
        )


def _fail(message: str, hint: str) -> NoReturn:
    typer.echo(f"error: {message}\n  {hint}", err=True)
    sys.exit(1)


if __name__ == "__main__":
    main()
