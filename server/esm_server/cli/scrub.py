"""`esm-server scrub`."""

from dataclasses import asdict
from typing import Annotated

import typer

from esm_server.cli.options import AsJson, DataDir, settings_of


def scrub(
    rate: Annotated[str, typer.Option(help="Bytes to read in a second.")] = "50MB",
    only_older: Annotated[str, typer.Option(help="Leave out what was stored since.")] = "0",
    repair: Annotated[
        bool, typer.Option("--repair", help="Set damaged files aside, so that a push mends them.")
    ] = False,
    restart: Annotated[
        bool, typer.Option("--restart", help="Do not go on where an interrupted one stopped.")
    ] = False,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Read all files again and tell which are damaged; interrupted, it goes on where it was.

    Exits with 0 when all are sound, 1 for an error, 3 when some are damaged.
    """
    from esm_server.cli.quantities import duration, speed
    from esm_server.cli.working import end, show, shown_bytes, watched
    from esm_server.operations import scrub as operation
    from esm_server.operations.blob_users import shown
    from esm_server.operations.hashing import Pace
    from esm_server.operations.opening import opened

    pace, older = Pace(speed(rate)), duration(only_older)
    with (
        opened(settings_of(data_dir)) as registry,
        watched("scrubbing", in_bytes=True) as watch,
    ):
        done = operation.scrub(
            registry, pace, older=older, repair=repair, restart=restart, watch=watch
        )
    lines = ["Went on where the last one stopped."] if done.resumed else []
    lines.append(f"{done.blobs} blobs ({shown_bytes(done.bytes)}) read.")
    for blob in done.damaged:
        lines.append(f"damaged  {blob.digest} {blob.fault}; needed by {shown(blob.needed_by)}")
        if blob.set_aside:
            lines.append(f"         moved to {blob.set_aside}; a push of the same content mends it")
    lines.append(f"{len(done.damaged)} are damaged." if done.damaged else "All are sound.")
    show(asdict(done), lines, as_json=as_json)
    end(problems=bool(done.damaged))
