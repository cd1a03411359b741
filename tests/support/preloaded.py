"""What a server imports until it listens, imported once for all that are forked, see forked.py."""

import gc
from importlib import import_module

for name in (
    "anyio._backends._asyncio",
    "esm_server.asgi",
    "esm_server.cli.entry",
    "esm_server.db.migrations",
    "esm_server.ownership",
    "esm_server.runner",
    "litestar.middleware._internal.exceptions.middleware",
    "litestar.plugins.attrs",
    "litestar.plugins.pydantic.plugins",
    "minio",
    "psycopg",
):
    import_module(name)
gc.collect()
gc.freeze()  # else the collector of each goes through all of this
