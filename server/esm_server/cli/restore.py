"""`esm-server restore`."""

from contextlib import closing
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from esm_server.cli.options import AsJson, DataDir, settings_of

if TYPE_CHECKING:
    from esm_server.operations.backups import Backups
    from esm_server.operations.restore import Restored

_SHOWN = {"created_at", "server_version", "revision", "blob_bytes", "lost"}


def restore(
    source: Annotated[str, typer.Argument(help="Folder of backups, or s3://BUCKET/PREFIX.")],
    at: Annotated[str | None, typer.Option(help="Which of them; otherwise the newest.")] = None,
    files_only: Annotated[
        bool,
        typer.Option("--files-only", help="Only files that this registry has lost; it may run."),
    ] = False,
    list_only: Annotated[
        bool, typer.Option("--list", help="Only show which backups there are.")
    ] = False,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Fill an empty registry from a backup, on whatever database and store are configured.

    Exits with 0, 1 for an error, 3 when the backup says that files were lost before it.
    """
    from esm_server.cli.working import watched
    from esm_server.db.database import Database
    from esm_server.db.migrations import prepare
    from esm_server.operations import restore as operation
    from esm_server.operations.backup_place import backups_at
    from esm_server.operations.opening import opened
    from esm_server.ownership import exclusive

    settings = settings_of(data_dir)
    backups = backups_at(source, settings)
    if list_only:
        _list(backups, as_json=as_json)
        return
    backups.read(at)  # before anything is made
    if files_only:
        with opened(settings) as registry, watched("restoring", in_bytes=True) as watch:
            registry.store.spool.mkdir(parents=True, exist_ok=True)
            _tell(operation.restore_files(registry, backups, at, watch), as_json=as_json)
        return
    with exclusive(settings.data_dir):
        with closing(Database(settings.url)) as database:
            prepare(database.engine)
        with opened(settings) as registry, watched("restoring", in_bytes=True) as watch:
            registry.store.prepare()
            done = operation.restore(registry, backups, at, watch)
    _tell(done, as_json=as_json)


def _list(backups: "Backups", *, as_json: bool) -> None:
    from esm_client.core.errors import InvalidInput
    from esm_server.cli.working import end, show, shown_bytes

    found: list[dict[str, object]] = []
    lines: list[str] = []
    for name in backups.names():
        try:
            point = backups.read(name)
        except InvalidInput as error:
            found.append({"point": name, "damaged": error.message})
            lines.append(f"{name}  damaged: {error.message}")
            continue
        rows = sum(part.count for part in point.tables.values())
        found.append({"point": name, "rows": rows, **point.model_dump(include=_SHOWN)})
        size = shown_bytes(point.blob_bytes)
        lines.append(f"{name}  {rows} rows, {size}, esm-server {point.server_version}")
    show({"points": found}, lines or ["No backup yet."], as_json=as_json)
    end(problems=any("damaged" in one for one in found))


def _tell(done: "Restored", *, as_json: bool) -> None:
    from esm_server.cli.working import end, show, shown_bytes

    size = shown_bytes(done.bytes)
    lines = [f"{done.rows} rows and {done.blobs} files ({size}) as of {done.created_at}."]
    lines += [f"lost  {digest}" for digest in done.lost]
    show(asdict(done), lines, as_json=as_json)
    end(problems=bool(done.lost))
