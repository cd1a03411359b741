"""Who may use a data directory and a database: one server, or one command that replaces content."""

import fcntl
from collections.abc import Callable, Generator
from contextlib import closing, contextmanager
from pathlib import Path

from esm_client.core.errors import Unavailable
from esm_server.db.engines import parsed_url, sqlite_file
from esm_server.db.owner import DatabaseOwner
from esm_server.settings import Settings

Tell = Callable[[str], object]


@contextmanager
def exclusive(settings: Settings, tell: Tell | None = None) -> Generator[DatabaseOwner | None]:
    """Own a data directory and a database, until a kill at the latest.

    Raises Unavailable when another server, or a command that replaces content, has one of them.
    On PostgreSQL the right hangs on a session, which may break: what is yielded then confirms
    writes. tell: as of `DatabaseOwner.take`.
    """
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    directory = _locked(
        settings.data_dir / "server.lock",
        f"Another esm-server uses {settings.data_dir}.",
        "Stop it, or name another `data_dir`.",
    )
    with directory, _database(settings.url, tell) as owner:
        yield owner


@contextmanager
def _database(url: str, tell: Tell | None) -> Generator[DatabaseOwner | None]:
    if parsed_url(url).get_backend_name() != "sqlite":
        with closing(DatabaseOwner(url)) as owner:
            owner.take(tell)
            yield owner
    elif (file := sqlite_file(url)) is None:
        yield None
    else:
        _check_single_name(file)
        # beside it: one more handle on the file itself could lose SQLite the locks it has there
        lock = _locked(
            file.with_name(f"{file.name}.lock"),
            f"Another esm-server uses the database {file}.",
            "Stop it, or name another database in ESM_SERVER_DATABASE_URL.",
        )
        with lock:
            yield None


def _check_single_name(file: Path) -> None:
    """The lock and SQLite's log lie beside a name: by another one, nobody would see them."""
    names = file.stat().st_nlink if file.exists() else 1
    if names > 1:
        raise Unavailable(
            f"The database {file} has {names} names (hard links).",
            "Remove the others, or copy it with `esm-server backup`.",
        )


@contextmanager
def _locked(path: Path, used: str, hint: str) -> Generator[None]:
    with path.open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as cause:
            raise Unavailable(used, hint) from cause
        yield
