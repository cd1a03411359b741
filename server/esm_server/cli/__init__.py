"""The command `esm-server`, one file per command."""

from esm_server.cli.entry import main

__all__ = ["main"]
