"""`esm-client login`."""

import os
import sys
from typing import Annotated
from urllib.parse import urlsplit

import typer

from esm_client.cli.options.session import Session
from esm_client.cli.output import print_line
from esm_client.core.errors import InvalidInput

_LOOPBACK = {"localhost", "127.0.0.1", "::1"}


def login(
    session: Session,
    address: Annotated[str | None, typer.Argument(metavar="URL", help="The registry.")] = None,
    token_stdin: Annotated[
        bool, typer.Option("--token-stdin", help="Read the token from stdin.")
    ] = False,
    no_keyring: Annotated[
        bool, typer.Option("--no-keyring", help="Keep the token in a file that only you can read.")
    ] = False,
) -> None:
    """Check a registry and your token, and store both."""
    from esm_client.remote.config.credentials import credentials_file, store_token
    from esm_client.remote.login import check_login, check_server

    settings = session.settings(address)
    server = check_server(settings)
    token = sys.stdin.readline() if token_stdin else _ask(settings.url)
    address_parts = urlsplit(settings.url)
    if address_parts.scheme == "http" and address_parts.hostname not in _LOOPBACK:
        session.output.note("warning: this address is not encrypted; the token travels in clear.")
    identity = check_login(settings, token)
    path = credentials_file()
    ringed = store_token(
        path, settings.url, token.strip(), ca_file=session.options.ca_file, keyring=not no_keyring
    )
    place = "the system's keyring" if ringed else str(path)
    if os.environ.get("ESM_REGISTRY_TOKEN"):
        session.output.note("warning: ESM_REGISTRY_TOKEN is set and goes before the stored token.")

    document = {"url": settings.url, "version": server.version, **identity.model_dump(mode="json")}
    session.output.result(
        document,
        names=[settings.url],
        human=lambda: print_line(
            f"Logged in to {settings.url} as {identity.name} ({identity.scope}); "
            f"the token is in {place}."
        ),
    )


def _ask(url: str) -> str:
    if not sys.stdin.isatty():
        raise InvalidInput(
            "There is no terminal to ask for the token.",
            "Pipe it in: esm-client login URL --token-stdin < token-file",
        )
    return typer.prompt(f"Token for {url}", hide_input=True, err=True)
