"""Options that commands share."""

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
    return Settings() if data_dir is None else Settings(data_dir=data_dir)
