"""Which database a test runs on: each kind by name, or ESM_TEST_DATABASE for its servers."""

import atexit
import os
import shutil
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from support import postgres

from esm_server.db.database import Database
from esm_server.db.migrations import prepare

ON_SERVERS = [pytest.mark.slow, pytest.mark.xdist_group("servers")]
"""Marks of tests that need a PostgreSQL or an S3 server: one worker starts these, once."""
KINDS = ("sqlite", pytest.param("postgresql", marks=ON_SERVERS))
CHOSEN = os.environ.get("ESM_TEST_DATABASE", "sqlite")
"""What the servers of the tests run on."""
SQLITE = "registry.sqlite3"
_URLS: dict[Path, str] = {}
"""Of the databases that data directories have on PostgreSQL."""


def empty(kind: str, directory: Path) -> str:
    """The URL of a new database; skips the test where there is no server for it."""
    if kind == "sqlite":
        return f"sqlite:///{directory / SQLITE}"
    if (reason := postgres.missing()) is not None:
        pytest.skip(reason)
    return postgres.fresh_database()


def database_setting(data_dir: Path) -> dict[str, str]:
    """What a server's environment says of its database; one of its own per data directory."""
    if CHOSEN == "sqlite":
        return {}
    return {"ESM_SERVER_DATABASE_URL": _database_of(data_dir.absolute())}


def copy_database(source: Path, target: Path) -> None:
    """Give a data directory the content of another one's database, which nobody uses just now."""
    if CHOSEN == "sqlite":
        for file in source.glob(f"{SQLITE}*"):
            shutil.copy2(file, target)
        return
    _URLS[target.absolute()] = postgres.copied_database(_database_of(source.absolute()))


def lay_out(data_dir: Path) -> None:
    """Copy an empty SQLite database of this version to where there is none yet."""
    if not (data_dir / SQLITE).exists():
        shutil.copyfile(_empty_sqlite(), data_dir / SQLITE)


@cache
def _empty_sqlite() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="esm-empty-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    database = Database(empty("sqlite", folder))
    prepare(database.engine)
    database.close()
    return folder / SQLITE


def _database_of(data_dir: Path) -> str:
    if data_dir not in _URLS:
        _URLS[data_dir] = empty(CHOSEN, data_dir)
    return _URLS[data_dir]


def on_servers(test: Any) -> Any:
    """Mark one test function with ON_SERVERS."""
    for mark in ON_SERVERS:
        test = mark(test)
    return test
