"""`esm-server restore`."""

from dataclasses import asdict
from typing import Annotated

import typer

from esm_server.cli.options import AsJson, DataDir, settings_of


def restore(
    source: Annotated[str, typer.Argument(help="Folder of backups, or s3://BUCKET/PREFIX.")],
    at: Annotated[str | None, typer.Option(help="Which of them; otherwise the newest.")] = None,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Fill an empty registry from a backup, on whatever database and store are configured.

    Exits with 0, 1 for an error, 3 when the backup says that files were lost before it.
    """
    from esm_server.cli.working import end, show, shown_bytes, watched
    from esm_server.db.database import Database
    from esm_server.db.migrations import prepare
    from esm_server.operations import restore as operation
    from esm_server.operations.backup_place import backups_at
    from esm_server.operations.opening import opened
    from esm_server.runner import exclusive

    settings = settings_of(data_dir)
    backups = backups_at(source, settings)
    backups.read(at)  # before anything is made
    with exclusive(settings.data_dir):
        database = Database(settings.url)
        prepare(database.engine)
        database.close()
        with opened(settings) as registry, watched("restoring", in_bytes=True) as watch:
            registry.store.prepare()
            done = operation.restore(registry, backups, at, watch)
    size = shown_bytes(done.bytes)
    lines = [f"{done.rows} rows and {done.blobs} files ({size}) as of {done.created_at}."]
    lines += [f"lost  {digest}" for digest in done.lost]
    show(asdict(done), lines, as_json=as_json)
    end(problems=bool(done.lost))
