"""The back ends of one fault run: embedded, or servers of its own that it may kill."""

import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path

from support import postgres
from support.relay import Relay
from support.s3 import RunningS3

COMBINATIONS = list(product(("sqlite", "postgresql"), ("local", "s3")))


@dataclass
class Backends:
    """What a registry runs on: its environment, and the servers behind it."""

    env: dict[str, str] = field(default_factory=dict)
    database: postgres.Postgres | None = None
    storage: RunningS3 | None = None
    relay: Relay | None = None
    """Between registry and store, where a run has one."""


@contextmanager
def backends(database: str, storage: str, folder: Path) -> Iterator[Backends]:
    """Start what a combination needs, new and empty; end it with all that is in it."""
    found = Backends()
    with ExitStack() as stack:
        if database == "postgresql":
            found.database = postgres.private()
            stack.callback(postgres.remove, found.database)
            found.env["ESM_SERVER_DATABASE_URL"] = postgres.fresh_database(found.database.url)
        if storage == "s3":
            found.storage = RunningS3(folder / "s3")
            stack.callback(shutil.rmtree, folder / "s3", ignore_errors=True)
            stack.callback(found.storage.kill)
            found.env |= found.storage.env(found.storage.create_bucket())
        yield found
