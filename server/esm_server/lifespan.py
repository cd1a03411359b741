"""What is opened before the first request and closed after the last."""

import asyncio
import gc
from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from litestar.concurrency import sync_to_thread

from esm_server.connections.turns import FairThreads
from esm_server.db.database import Database
from esm_server.db.migrations import check_current
from esm_server.rankings.service import RankingService
from esm_server.storage.base import BlobStore
from esm_server.storage.direct import DirectAccess
from esm_server.telemetry.traces import stop_traces

REQUEST_THREADS = 64
"""Requests that work or wait for the disk at a time: many times more than cores, since most wait.
Python's own default is four more than cores, all of which a few uploads would hold. One user has
half of them at most, and all together fewer than the database's connections."""


def lifespan(
    database: Database, store: BlobStore, direct: DirectAccess | None, rankings: RankingService
) -> AbstractAsyncContextManager[None]:
    """Check the schema, sweep interrupted uploads, go on with rankings; end workers at the end.

    What clients shall reach themselves is tried out first.
    """

    @asynccontextmanager
    async def run() -> AsyncGenerator[None]:
        threads = FairThreads(REQUEST_THREADS, "request")
        asyncio.get_running_loop().set_default_executor(threads)
        await sync_to_thread(check_current, database.engine)
        await sync_to_thread(store.prepare)
        if direct is not None:
            await sync_to_thread(direct.try_out)
        await sync_to_thread(rankings.resume)
        gc.collect()
        gc.freeze()  # else each list of a request has the collector look through all of this again
        try:
            yield
        finally:
            await sync_to_thread(rankings.close)
            database.close()
            await sync_to_thread(stop_traces)

    return run()
