"""`esm-server gc`."""

from dataclasses import asdict
from typing import Annotated

import typer

from esm_server.cli.options import AsJson, DataDir, settings_of


def gc(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Remove nothing.")] = False,
    grace: Annotated[str, typer.Option(help="What was sent later than this ago stays.")] = "7d",
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Remove files that no version and no source model names, beside a running server."""
    from esm_server.cli.quantities import duration
    from esm_server.cli.working import show, shown_bytes, watched
    from esm_server.operations.gc import sweep
    from esm_server.operations.opening import opened

    spared = duration(grace)
    with opened(settings_of(data_dir)) as registry, watched("sweeping") as watch:
        done = sweep(registry, spared, dry_run=dry_run, watch=watch)
    verb = "would be removed" if dry_run else "removed"
    lines = [f"{done.removed} blobs ({shown_bytes(done.removed_bytes)}) {verb}."]
    if done.young:
        lines.append(
            f"{done.young} more ({shown_bytes(done.young_bytes)}) are younger than {grace}."
        )
    show({**asdict(done), "dry_run": dry_run}, lines, as_json=as_json)
