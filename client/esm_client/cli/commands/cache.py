"""`esm-client cache`."""

from typing import Annotated

import typer

from esm_client.cli.options.session import Session, command
from esm_client.cli.output import print_line
from esm_client.core.quantities import counted, size
from esm_client.remote.cache.cache import Cache
from esm_client.remote.config.settings import default_cache_dir

app = typer.Typer(help="What was pulled before.", rich_markup_mode=None)


def ls(session: Session) -> None:
    """List the cached versions, which can be pulled offline."""
    cache = Cache(default_cache_dir())
    entries, total = cache.ls(), cache.size()
    document = {
        "directory": str(cache.directory),
        "size": total,
        "versions": [
            {
                "reference": entry.reference,
                "digest": entry.digest,
                "server": entry.server,
                "size": entry.size,
                "complete": entry.complete,
                "last_used": entry.last_used.isoformat() if entry.last_used else None,
            }
            for entry in entries
        ],
    }

    def human() -> None:
        rows = [
            (
                entry.reference,
                entry.digest[:19],
                size(entry.size) if entry.complete else "incomplete",
                f"{entry.last_used:%Y-%m-%d}" if entry.last_used else "",
                entry.server,
            )
            for entry in entries
        ]
        if rows:
            session.output.table(("reference", "digest", "size", "used", "server"), rows, ("size",))
        print_line(f"{counted(len(entries), 'version')}, {size(total)} in {cache.directory}")

    names = [f"{entry.reference.partition('@')[0]}@{entry.digest}" for entry in entries]
    session.output.result(document, names=names, human=human)


def clear(
    session: Session,
    keep_mb: Annotated[
        int, typer.Option(min=0, metavar="N", help="Keep so many megabytes of what was used last.")
    ] = 0,
) -> None:
    """Empty the cache; the registry still has everything."""
    cache = Cache(default_cache_dir())
    freed = cache.prune(keep_mb * 10**6) if keep_mb else cache.clear()
    session.output.result(
        {"directory": str(cache.directory), "freed": freed},
        names=[],
        human=lambda: print_line(f"Freed {size(freed)} in {cache.directory}"),
    )


command(app, "ls")(ls)
command(app, "clear")(clear)
