"""Whether the server can work."""

from sqlalchemy import text

from esm_server.db.database import Database
from esm_server.storage.base import BlobStore


class HealthService:
    """Checks of what the server depends on."""

    def __init__(self, database: Database, store: BlobStore) -> None:
        self._database = database
        self._store = store

    def check(self) -> None:
        """Ask the database and write to the blob store; raises Unavailable or StorageFull."""
        with self._database.read() as session:
            session.connection().execute(text("SELECT 1"))
        self._store.check()
