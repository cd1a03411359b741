"""`esm-server backup`."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from esm_server.cli.options import AsJson, DataDir, settings_of

if TYPE_CHECKING:
    from esm_server.operations.backups import Backups
    from esm_server.settings import Settings


def backup(
    target: Annotated[
        str, typer.Argument(help="Folder of backups, made if need be, or s3://BUCKET/PREFIX.")
    ],
    verify: Annotated[
        bool, typer.Option("--verify", help="Read all that lies there; mend what is damaged.")
    ] = False,
    keep: Annotated[
        int | None,
        typer.Option(min=1, help="Forget all but so many of the newest; otherwise none."),
    ] = None,
    revocations_only: Annotated[
        bool,
        typer.Option(
            "--revocations-only",
            help="Only list beside the backups who may do what now, for a restore to obey.",
        ),
    ] = False,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Add a backup to a folder or bucket, beside a running server; no file is copied twice.

    Exits with 0, 1 for an error, 3 when the registry itself has lost files or an earlier backup
    cannot be restored any more.
    """
    from esm_server.cli.working import end, show, shown_bytes, watched
    from esm_server.operations.backup import back_up
    from esm_server.operations.backup_place import backups_at
    from esm_server.operations.opening import opened

    settings = settings_of(data_dir)
    backups = backups_at(target, settings)
    if revocations_only:
        if verify or keep is not None:
            raise typer.BadParameter("--revocations-only goes without --verify and --keep.")
        _list_rights(settings, backups, as_json=as_json)
        return
    with opened(settings) as registry, watched("copying", in_bytes=True) as watch:
        done = back_up(registry, backups, watch, verify=verify, keep=keep)
    lines = [f"{done.point}: {done.rows} rows, {done.blobs} files ({shown_bytes(done.bytes)})."]
    lines += [f"lost  {digest}, needed by {users}" for digest, users in done.lost.items()]
    lines += [f"damaged  the backup {point}: {reason}" for point, reason in done.damaged.items()]
    if keep is not None:
        size = shown_bytes(done.removed_bytes)
        lines.append(
            f"{len(done.forgotten)} older ones forgotten, {done.removed_blobs} files ({size})."
        )
    show(asdict(done), lines, as_json=as_json)
    end(problems=bool(done.lost or done.damaged))


def _list_rights(settings: "Settings", backups: "Backups", *, as_json: bool) -> None:
    from esm_server.cli.working import show
    from esm_server.operations.opening import opened_database
    from esm_server.operations.rights_list import list_rights

    with opened_database(settings) as database:
        rights = list_rights(database, backups)
    found = {
        "users": len(rights.users),
        "tokens": len(rights.tokens),
        "revoked": sum(token.revoked_at is not None for token in rights.tokens),
        "members": len(rights.members),
    }
    line = (
        f"{found['users']} users, {found['tokens']} tokens, {found['revoked']} of them revoked, "
        f"and {found['members']} memberships are listed."
    )
    show({"as_of": rights.as_of.isoformat(), **found}, [line], as_json=as_json)
