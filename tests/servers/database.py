"""Which database the servers of the tests run on: ESM_TEST_DATABASE=sqlite or postgresql."""

import os
from functools import cache
from pathlib import Path

from servers import postgres


def database_setting(data_dir: Path) -> dict[str, str]:
    """What a server's environment says of its database; one of its own per data directory."""
    if os.environ.get("ESM_TEST_DATABASE", "sqlite") == "sqlite":
        return {}
    return {"ESM_SERVER_DATABASE_URL": _database_of(data_dir.absolute())}


@cache
def _database_of(_data_dir: Path) -> str:
    return postgres.fresh_database()
