"""`esm-server restore`."""

from contextlib import closing
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from esm_server.cli.options import AsJson, DataDir, settings_of

if TYPE_CHECKING:
    from esm_server.operations.backups import Backups
    from esm_server.operations.restore import Restored
    from esm_server.operations.restored_rights import RightsBack

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
    from esm_server.cli.working import watched
    from esm_server.db.database import Database
    from esm_server.db.migrations import prepare
    from esm_server.operations import restore as operation
    from esm_server.operations.backup_place import backups_at
    from esm_server.operations.opening import opened
    from esm_server.operations.restored_rights import Wanted
    from esm_server.ownership import exclusive

    if (files_only or list_only) and (revoke_tokens or as_it_was):
        raise typer.BadParameter("--revoke-tokens and --as-it-was are for a whole restore.")
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
    wanted = Wanted(as_it_was=as_it_was, revoke_tokens=revoke_tokens)
    wanted.newest(backups)  # before anything is made, too
    with exclusive(settings) as owner:
        with closing(Database(settings.url)) as database:
            prepare(database.engine)
        with opened(settings) as registry, watched("restoring", in_bytes=True) as watch:
            if owner is not None:
                owner.confirm_writes_of(registry.database.engine)
            registry.store.prepare()
            done = operation.restore(registry, backups, at, watch, wanted)
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

    size, rights = shown_bytes(done.bytes), done.rights
    lines = [f"{done.rows} rows and {done.blobs} files ({size}) as of {done.created_at}."]
    lines += [f"lost  {digest}" for digest in done.lost]
    document = asdict(done)
    if rights is not None:
        lines += _rights(rights)
        document["rights"] = rights.document()
    show(document, lines, as_json=as_json)
    end(problems=bool(done.lost) or (rights is not None and not rights.has_admin))


def _rights(rights: "RightsBack") -> list[str]:
    """What is said of who may do what."""
    from esm_server.operations.taking_back import shown

    if rights.as_of is None:
        lines = [f"What was revoked since is back. {rights.damage}"]
    else:
        as_of = shown(rights.as_of)
        lines = [f"No list of revocations is newer than {as_of}: what was revoked later is back."]
    lines += [f"taken back  {one}" for one in rights.taken]
    lines += [f"came back  {one}" for one in rights.returned]
    lines += [f"gone  {one}" for one in rights.gone]
    if rights.new_token is not None:
        user, secret = rights.new_token
        lines.append(f"{rights.revoked} tokens were revoked.")
        lines.append(f"{user} token (shown only this once): {secret}")
    lines.append(f"{rights.tokens} tokens can be used.")
    if not rights.has_admin:
        lines.append(
            "No admin of the registry has one: esm-server token create --user NAME --scope admin"
        )
    return lines
