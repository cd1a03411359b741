"""What every command is given, and the options that every command takes.

They may stand before the command's name or after it: `esm-client --json list` and
`esm-client list --json` are the same.
"""

import inspect
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from esm_client.cli.output import Output

if TYPE_CHECKING:
    from esm_client.remote.client import Client
    from esm_client.remote.config.settings import Settings

Url = Annotated[
    str | None,
    typer.Option("--url", metavar="URL", help="Registry, else ESM_REGISTRY_URL or login."),
]
Offline = Annotated[bool, typer.Option("--offline", help="Open no connection.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print names only, one per line.")]
CaFile = Annotated[
    Path | None,
    typer.Option("--ca-file", metavar="FILE", help="PEM certificates to trust too."),
]
Timeout = Annotated[
    float | None,
    typer.Option("--timeout", min=0.1, metavar="SECONDS", help="For any one answer; else 30."),
]
Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]


@dataclass(frozen=True)
class Options:
    """The common options."""

    url: str | None = None
    offline: bool = False
    as_json: bool = False
    quiet: bool = False
    ca_file: Path | None = None
    timeout: float | None = None


@dataclass(frozen=True)
class Session:
    """The common options of one run, and what follows from them."""

    options: Options

    @property
    def output(self) -> Output:
        """Where the command's words go."""
        return Output(as_json=self.options.as_json, quiet=self.options.quiet)

    def client(self) -> "Client":
        """A client of the registry that was named; use it in a `with` block."""
        from esm_client.remote.client import Client

        options = self.options
        return Client(
            options.url,
            offline=options.offline or None,
            ca_file=options.ca_file,
            timeout=options.timeout,
        )

    def settings(self, url: str | None = None) -> "Settings":
        """What such a client would use."""
        from esm_client.remote.config.settings import resolve_settings

        options = self.options
        return resolve_settings(
            url or options.url,
            offline=options.offline or None,
            ca_file=options.ca_file,
            timeout=options.timeout,
        )


def command(app: typer.Typer, name: str | None) -> Callable[[Callable[..., None]], None]:
    """Register a function as a command: its own parameters, and the common options.

    Without a name it is what the group does when no command of it is named.
    """

    def register(function: Callable[..., None]) -> None:
        def run(**given: Any) -> None:
            context: typer.Context = given.pop("context")
            before: Options = context.obj or Options()
            after = Options(**{key: given.pop(key) for key in Options.__match_args__})
            given.pop("debug")  # the exit point looks for it
            options = Options(
                after.url or before.url,
                after.offline or before.offline,
                after.as_json or before.as_json,
                after.quiet or before.quiet,
                after.ca_file or before.ca_file,
                after.timeout or before.timeout,
            )
            context.obj = options
            if name is None and context.invoked_subcommand is not None:
                return
            if options.offline or os.environ.get("ESM_REGISTRY_OFFLINE", "0") not in ("", "0"):
                os.environ["HF_HUB_OFFLINE"] = "1"  # no model hub either
            function(Session(options), **given)

        own = list(inspect.signature(function).parameters.values())[1:]
        common = inspect.signature(_common).parameters.values()
        every = [one.replace(kind=inspect.Parameter.KEYWORD_ONLY) for one in (*own, *common)]
        run.__signature__ = inspect.Signature(every)  # pyright: ignore[reportFunctionMemberAccess]
        run.__annotations__ = {one.name: one.annotation for one in every}
        run.__doc__ = function.__doc__
        if name is None:
            app.callback(invoke_without_command=True)(run)
        else:
            app.command(name)(run)

    return register


def _common(
    context: typer.Context,
    url: Url = None,
    offline: Offline = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
    ca_file: CaFile = None,
    timeout: Timeout = None,
    debug: Debug = False,
) -> None:
    """Only its signature is used."""
