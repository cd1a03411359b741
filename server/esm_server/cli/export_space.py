"""`esm-server export`."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from esm_server.cli.options import AsJson, DataDir, settings_of


def export_space(
    space: Annotated[str, typer.Argument(help="Name of the embedding space.")],
    file: Annotated[Path, typer.Argument(help="Written whole or not at all; may exist.")],
    all_versions: Annotated[
        bool, typer.Option("--all-versions", help="Not only the latest live one of each ESM.")
    ] = False,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Write a space with its ESMs into a file that another server imports.

    Exits with 0, 1 for an error, 3 when versions were left out whose files are lost.
    """
    from esm_server.cli.working import end, show, shown_bytes, watched
    from esm_server.operations import export
    from esm_server.operations.opening import opened
    from esm_server.operations.operator import everything

    with (
        opened(settings_of(data_dir)) as registry,
        watched("writing", in_bytes=True) as watch,
    ):
        done = export.export_space(
            registry, everything(), space, file, all_versions=all_versions, watch=watch
        )
    lines = [f"{done.versions} versions ({shown_bytes(done.bytes)}) written to {file}."]
    lines += [f"left out  {reference}: the store has lost its files" for reference in done.lost]
    show(asdict(done), lines, as_json=as_json)
    end(problems=bool(done.lost))
