"""Which database a test runs on: each kind by name, or ESM_TEST_DATABASE for its servers."""

import os
from functools import cache
from pathlib import Path

import pytest
from servers import postgres

KINDS = ("sqlite", "postgresql")
CHOSEN = os.environ.get("ESM_TEST_DATABASE", "sqlite")
"""What the servers of the tests run on."""


def empty(kind: str, directory: Path) -> str:
    """The URL of a new database; skips the test where there is no server for it."""
    if kind == "sqlite":
        return f"sqlite:///{directory / 'registry.sqlite3'}"
    if (reason := postgres.missing()) is not None:
        pytest.skip(reason)
    return postgres.fresh_database()


def database_setting(data_dir: Path) -> dict[str, str]:
    """What a server's environment says of its database; one of its own per data directory."""
    if CHOSEN == "sqlite":
        return {}
    return {"ESM_SERVER_DATABASE_URL": _database_of(data_dir.absolute())}


@cache
def _database_of(data_dir: Path) -> str:
    return empty(CHOSEN, data_dir)
