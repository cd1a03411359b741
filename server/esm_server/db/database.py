"""Connections and transactions: the one place that commits."""

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as NoConnectionFree
from sqlmodel import Session

from esm_client.core.errors import StorageFull, Unavailable

BUSY_TIMEOUT_MS = 15_000
CONNECTIONS = 100
"""At most: more than there are threads that answer requests or rank."""


class Database:
    """Sessions over one engine; `read` never writes, `write` commits when its block ends well.

    A handler opens exactly one of them, and only for as long as it talks to the database:
    files are validated before `write`, pools are scored between `read` and `write`.
    """

    def __init__(self, url: str) -> None:
        self.engine = _make_engine(url)
        self._writing = self.engine.execution_options(esm_write=True)

    @contextmanager
    def read(self) -> Generator[Session]:
        """A read-only view of one moment; raises Unavailable."""
        with _translated(), Session(self.engine, expire_on_commit=False) as session:
            yield session

    @contextmanager
    def write(self) -> Generator[Session]:
        """One transaction, committed at the end; raises StorageFull, Unavailable."""
        with (
            _translated(),
            Session(self._writing, expire_on_commit=False) as session,
            session.begin(),
        ):
            yield session

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()


@contextmanager
def _translated() -> Generator[None]:
    try:
        yield
    except NoConnectionFree as cause:
        raise Unavailable("The server has too much to do.", "Try again in a moment.") from cause
    except OperationalError as cause:
        if "full" in str(cause.orig):
            raise StorageFull(
                "The server's disk is full, so nothing was changed.",
                "Tell the server's operator; the request can be repeated.",
            ) from cause
        raise Unavailable(
            "The server's database does not answer.", "Try again in a moment."
        ) from cause


def _make_engine(url: str) -> Engine:
    parsed = make_url(url)
    pool = {} if parsed.database in (None, "", ":memory:") else {"max_overflow": CONNECTIONS}
    engine = create_engine(parsed, hide_parameters=True, **pool)  # no content in logs
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # we emit BEGIN ourselves, below
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")  # what was acknowledged survives a power cut
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    # A transaction that reads first and writes later fails when another writer came between;
    # taking the write lock at once makes writers queue instead.
    writes = connection.get_execution_options().get("esm_write")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
