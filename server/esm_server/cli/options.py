"""Options that commands share."""

import os
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated

import typer

from esm_server.settings import Settings

DataDir = Annotated[
    Path | None, typer.Option(help="Where blobs and the database lie [ESM_SERVER_DATA_DIR].")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def settings_of(data_dir: Path | None) -> Settings:
    """The settings of the environment, with another data directory if one is named."""
    _warn_of_others()
    return Settings() if data_dir is None else Settings(data_dir=data_dir)


def _warn_of_others() -> None:
    """Tell of variables that look like misspelt settings."""
    names = [f"ESM_SERVER_{name.upper()}" for name in Settings.model_fields]
    for name in os.environ:
        if name.startswith("ESM_SERVER_") and name not in names:
            # not all that are strange: Kubernetes makes some of a service's name
            for meant in get_close_matches(name, names, 1, 0.85):
                typer.echo(f"warning: {name} is no setting; {meant} is.", err=True)
