"""`esm-server restore`."""

from contextlib import closing
from typing import TYPE_CHECKING, Annotated

import typer

from esm_server.cli.options import AsJson, DataDir, settings_of

if TYPE_CHECKING:
    from esm_server.operations.backups import Backups
    from esm_server.operations.restored_rights import Wanted
    from esm_server.settings import Settings

_SHOWN = {"created_at", "server_version", "revision", "blob_bytes", "lost"}


def restore(
    source: Annotated[str, typer.Argument(help="Folder of backups, or s3://BUCKET/PREFIX.")],
    at: Annotated[str | None, typer.Option(help="Which of them; otherwise the newest.")] = None,
    files_only: Annotated[
        bool,
        typer.Option("--files-only", help="Only files that this registry has lost; it may run."),
    ] = False,
    rights_only: Annotated[
        bool,
        typer.Option(
            "--rights-only",
            help="Only take back what was revoked since, from a registry that stands restored.",
        ),
    ] = False,
    list_only: Annotated[
        bool, typer.Option("--list", help="Only show which backups there are.")
    ] = False,
    revoke_tokens: Annotated[
        bool,
        typer.Option("--revoke-tokens", help="No token works any more; make one for an admin."),
    ] = False,
    as_it_was: Annotated[
        bool,
        typer.Option("--as-it-was", help="Also tokens and members that were revoked since."),
    ] = False,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Fill an empty registry from a backup, on whatever database and store are configured.

    What was revoked since stays so, as far as the newest list beside the backups knows, and is
    told. Exits with 0, 1 for an error, 3 when the backup says that files were lost before it, or
    when no admin of the registry is left with a token.
    """
    from esm_server.auth.lives import TokenLives
    from esm_server.operations.backup_place import backups_at
    from esm_server.operations.restored_rights import Wanted

    if (files_only or list_only) and (revoke_tokens or as_it_was):
        raise typer.BadParameter("--revoke-tokens and --as-it-was are for a whole restore.")
    if rights_only and (files_only or list_only or as_it_was or at is not None):
        raise typer.BadParameter("--rights-only goes with --revoke-tokens alone.")
    settings = settings_of(data_dir)
    backups = backups_at(source, settings)
    lives = TokenLives.of(settings)
    wanted = Wanted(as_it_was=as_it_was, revoke_tokens=revoke_tokens, lives=lives)
    if list_only:
        _list(backups, as_json=as_json)
    elif rights_only:
        _restore_rights(settings, backups, wanted, as_json=as_json)
    elif files_only:
        _restore_files(settings, backups, at, as_json=as_json)
    else:
        _restore(settings, backups, at, wanted, as_json=as_json)


def _restore(
    settings: "Settings", backups: "Backups", at: str | None, wanted: "Wanted", *, as_json: bool
) -> None:
    from esm_server.cli.restored import tell
    from esm_server.cli.working import watched
    from esm_server.db.database import Database
    from esm_server.db.migrations import prepare
    from esm_server.operations import restore as operation
    from esm_server.operations.opening import opened
    from esm_server.ownership import exclusive

    backups.read(at)  # before anything is made
    wanted.newest(backups)  # so too
    with exclusive(settings) as owner:
        with closing(Database(settings.url)) as database:
            prepare(database.engine)
        with opened(settings) as registry, watched("restoring", in_bytes=True) as watch:
            if owner is not None:
                owner.confirm_writes_of(registry.database.engine)
            registry.store.prepare()
            done = operation.restore(registry, backups, at, watch, wanted)
    tell(done, as_json=as_json)


def _restore_files(
    settings: "Settings", backups: "Backups", at: str | None, *, as_json: bool
) -> None:
    from esm_server.cli.restored import tell
    from esm_server.cli.working import watched
    from esm_server.operations import restore as operation
    from esm_server.operations.opening import opened

    backups.read(at)
    with opened(settings) as registry, watched("restoring", in_bytes=True) as watch:
        registry.store.spool.mkdir(parents=True, exist_ok=True)
        tell(operation.restore_files(registry, backups, at, watch), as_json=as_json)


def _restore_rights(
    settings: "Settings", backups: "Backups", wanted: "Wanted", *, as_json: bool
) -> None:
    from esm_server.cli.restored import tell_rights
    from esm_server.operations.opening import opened_database
    from esm_server.operations.restored_rights import apply_newest
    from esm_server.ownership import exclusive

    with opened_database(settings) as database, exclusive(settings) as owner:
        if owner is not None:
            owner.confirm_writes_of(database.engine)
        done = apply_newest(database, backups, wanted)
    tell_rights(done, as_json=as_json)


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
