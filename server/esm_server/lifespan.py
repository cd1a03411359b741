"""What is opened before the first request and closed after the last."""

from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from litestar.concurrency import sync_to_thread

from esm_server.db.database import Database
from esm_server.db.migrations import check_current
from esm_server.storage.local import LocalBlobStore


def lifespan(database: Database, store: LocalBlobStore) -> AbstractAsyncContextManager[None]:
    """Check the schema and sweep interrupted uploads at the start; disconnect at the end."""

    @asynccontextmanager
    async def run() -> AsyncGenerator[None]:
        await sync_to_thread(check_current, database.engine)
        await sync_to_thread(store.prepare)
        try:
            yield
        finally:
            database.close()

    return run()
