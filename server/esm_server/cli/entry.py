"""All commands, and the one place where errors become an exit status."""

import os
import sys
from collections.abc import Sequence

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
from esm_server.cli.user import user_app
from esm_server.cli.words import in_option_words

app = typer.Typer(
    help="The ESM registry server.", no_args_is_help=True, pretty_exceptions_enable=False
)
app.add_typer(token_app, name="token")
app.add_typer(user_app, name="user")
for command in (serve, migrate, check, gc, scrub, backup, restore, reindex):
    app.command()(command)
app.command("export")(export_space)
app.command("import")(import_space)


def main() -> None:
    """Run the command line of this process and exit."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """Run one command line; returns the exit code. An error of ours takes two lines and gives 1."""
    before = os.umask(0o077)  # tokens' hashes and private cards lie in what commands write
    try:
        app(list(arguments), prog_name="esm-server")
    except SystemExit as end:  # how the command line always ends, also well
        return end.code if isinstance(end.code, int) else 0
    except EsmError as error:
        return _failed(error.message, in_option_words(error.hint))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        name = "ESM_SERVER_" + ".".join(str(part) for part in first["loc"]).upper()
        return _failed(
            f"The setting {name} is {first['input']!r}: {first['msg']}.", "Correct or unset it."
        )
    except OSError as error:
        return _failed(
            f"{error.filename or 'A file'} cannot be used: {error.strerror or error}.",
            "Check that this user may read and write it, and that the disk has room.",
        )
    finally:
        os.umask(before)
    return 0


def _failed(message: str, hint: str) -> int:
    typer.echo(f"error: {message}\n  {hint}", err=True)
    return 1
