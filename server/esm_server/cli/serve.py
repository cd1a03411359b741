"""`esm-server serve`."""

from contextlib import closing
from typing import Annotated

import typer

from esm_server.cli.options import DataDir, settings_of


def serve(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one.")] = 8321,
    data_dir: DataDir = None,
) -> None:
    """Serve the registry; the first start creates the database and prints an admin token."""
    from esm_server.asgi import create_app
    from esm_server.auth.lives import TokenLives
    from esm_server.auth.service import AuthService
    from esm_server.db.database import Database
    from esm_server.db.migrations import prepare
    from esm_server.ownership import exclusive
    from esm_server.runner import check_port, run
    from esm_server.storage.choice import open_store

    settings = settings_of(data_dir)
    with exclusive(settings, tell=lambda what: typer.echo(what, err=True)) as owner:
        check_port(host, port)
        with closing(Database(settings.url)) as database:
            if owner is not None:
                owner.confirm_writes_of(database.engine)
            prepare(database.engine)
            open_store(settings).prepare()  # told here, in two lines, and before a token is made
            secret = AuthService(database, TokenLives.of(settings)).create_first()
        if secret:
            typer.echo(f"admin token (shown only this once): {secret}")
        run(create_app(settings, owner), host, port)
