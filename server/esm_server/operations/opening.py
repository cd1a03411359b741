"""Opening a registry that exists, as its server would."""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from esm_client.core.errors import NotFound
from esm_server.db.database import Database
from esm_server.db.engines import parsed_url
from esm_server.db.migrations import check_current
from esm_server.settings import Settings
from esm_server.storage.base import BlobStore
from esm_server.storage.choice import open_store

Watch = Callable[[int, int], None]
"""Told how much is done, of how much."""


def nobody_watches(done: int, total: int) -> None:
    """For callers who do not ask how far it is."""


@dataclass(frozen=True, slots=True)
class Registry:
    """The parts of one registry that operations work on."""

    database: Database
    store: BlobStore
    data_dir: Path
    engine_dir: Path


@contextmanager
def opened(settings: Settings, *, any_schema: bool = False) -> Generator[Registry]:
    """The registry of these settings; creates nothing.

    Raises as `opened_database`, and Unavailable for a store that does not answer.
    """
    with opened_database(settings, any_schema=any_schema) as database:
        store = open_store(settings)
        store.reach()  # else a wrong bucket would look like one that has lost everything
        yield Registry(database, store, settings.data_dir, settings.engine_dir)


@contextmanager
def opened_database(settings: Settings, *, any_schema: bool = False) -> Generator[Database]:
    """Its database alone; creates nothing.

    Raises NotFound where there is none, and Unavailable for one that does not answer or has
    another schema, unless `any_schema`.
    """
    file = parsed_url(settings.url)
    if file.drivername.startswith("sqlite") and not Path(file.database or "").is_file():
        raise NotFound(
            f"There is no registry in {settings.data_dir}.",
            "Name its --data-dir, or its ESM_SERVER_DATABASE_URL.",
        )
    database = Database(settings.url)
    try:
        if not any_schema:
            check_current(database.engine)
        yield database
    finally:
        database.close()
