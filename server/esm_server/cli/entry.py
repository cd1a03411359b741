"""All commands, and the one place where errors become an exit status."""

import os
import sys
from typing import NoReturn

import typer
from pydantic import ValidationError

from esm_client.core.errors import EsmError
from esm_server.cli.backup import backup
from esm_server.cli.check import check
from esm_server.cli.export_space import export_space
from esm_server.cli.gc import gc
from esm_server.cli.import_space import import_space
from esm_server.cli.migrate import migrate
from esm_server.cli.reindex import reindex
from esm_server.cli.restore import restore
from esm_server.cli.scrub import scrub
from esm_server.cli.serve import serve
from esm_server.cli.token import token_app

app = typer.Typer(
    help="The ESM registry server.", no_args_is_help=True, pretty_exceptions_enable=False
)
app.add_typer(token_app, name="token")
for command in (serve, migrate, check, gc, scrub, backup, restore, reindex):
    app.command()(command)
app.command("export")(export_space)
app.command("import")(import_space)


def main() -> None:
    """Run the command; an error of ours takes two lines and exits with 1."""
    os.umask(0o077)  # tokens' hashes and private cards lie in what commands write
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
            "Check that this user may read and write it, and that the disk has room.",
        )


def _fail(message: str, hint: str) -> NoReturn:
    typer.echo(f"error: {message}\n  {hint}", err=True)
    sys.exit(1)
