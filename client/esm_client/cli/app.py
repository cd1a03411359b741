"""All commands together."""

import functools
from collections.abc import Sequence
from typing import Annotated, Any

import typer

from esm_client import __version__
from esm_client.cli.commands import (
    alias,
    audit,
    build,
    cache,
    columns,
    delete,
    doctor,
    edit,
    evaluate,
    listing,
    login,
    logout,
    namespace,
    outcomes,
    packs,
    published,
    pull,
    push,
    rank,
    ranking,
    show,
    similar,
    spaces,
    token,
    train,
    transfer,
    user,
    whoami,
    yank,
)
from esm_client.cli.options.session import (
    AsJson,
    CaFile,
    Debug,
    Offline,
    Options,
    Quiet,
    Timeout,
    Url,
    command,
)
from esm_client.cli.output import print_line

app = typer.Typer(
    help="Share embedding space maps, and rank source tasks for your own.",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def _version(wanted: bool) -> None:
    if wanted:
        print_line(f"esm-client {__version__}")
        raise typer.Exit


@app.callback()
def options(
    context: typer.Context,
    url: Url = None,
    offline: Offline = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
    ca_file: CaFile = None,
    timeout: Timeout = None,
    debug: Debug = False,  # noqa: ARG001 - the exit point looks for it
    version: Annotated[  # noqa: ARG001 - its callback acts
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    """Share embedding space maps, and rank source tasks for your own."""
    context.obj = Options(url, offline, as_json, quiet, ca_file, timeout)


for name, function in {
    "rank": rank.rank,
    "pull": pull.pull,
    "list": listing.list_esms,
    "search": listing.search,
    "show": show.show,
    "similar": similar.similar,
    "ranking": ranking.ranking,
    "transfer": transfer.transfer,
    "report-outcome": outcomes.report_outcome,
    "ledger": outcomes.ledger,
    "train": train.train,
    "build": build.build,
    "columns": columns.columns,
    "evaluate": evaluate.evaluate,
    "import": published.import_esms,
    "export": published.export,
    "push": push.push,
    "push-all": packs.push_all,
    "attach": push.attach,
    "edit": edit.edit,
    "yank": yank.yank,
    "unyank": yank.unyank,
    "delete": delete.delete,
    "login": login.login,
    "logout": logout.logout,
    "whoami": whoami.whoami,
    "audit": audit.audit,
    "doctor": doctor.doctor,
}.items():
    command(app, name)(function)
for name, group in {
    "alias": alias.app,
    "namespace": namespace.app,
    "spaces": spaces.app,
    "token": token.app,
    "user": user.app,
    "cache": cache.app,
}.items():
    app.add_typer(group, name=name)


@functools.cache
def command_tree() -> Any:
    """The whole command line, made once: typer makes it anew at each call of an app."""
    return typer.main.get_command(app)


def options_of(arguments: Sequence[str]) -> frozenset[str]:
    """The options of the command that a command line runs."""
    command = command_tree()
    for word in arguments:
        command = getattr(command, "commands", {}).get(word, command)
    return frozenset(option for one in command.params for option in one.opts)
