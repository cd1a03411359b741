"""Whether the server can work."""

import logging
from typing import Literal

from sqlalchemy import text

from esm_client.core.errors import Unavailable
from esm_client.core.schemas import Contract
from esm_server.db.database import Database
from esm_server.storage.base import BlobStore
from esm_server.system.one_at_a_time import OneAtATime

_LOG = logging.getLogger("esm_server")


class Health(Contract):
    """The answer of a health check that passed."""

    status: Literal["ok"] = "ok"


class HealthService:
    """Checks of what the server depends on."""

    def __init__(self, database: Database, store: BlobStore) -> None:
        self._database = database
        self._store = store
        self._look_once = OneAtATime(self._look, "health")

    async def check(self) -> None:
        """Ask the database and the blob store; raises Unavailable or StorageFull."""
        await self._look_once()

    def _look(self) -> None:
        with self._database.read() as session:
            session.connection().execute(text("SELECT 1"))
        try:
            self._store.check()
        except Unavailable as cause:  # where it is, is nothing for everybody
            _LOG.error("not ready: %s", cause.message)
            raise Unavailable(
                "The server's store of files cannot be used.", "Its operator's log says why."
            ) from cause
