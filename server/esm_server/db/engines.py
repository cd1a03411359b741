"""One engine per kind of database; both begin, wait and order alike."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from esm_client.core.errors import InvalidInput

WAIT_MS = 15_000
"""How long a writer waits for the writers before it."""
STATEMENT_MS = 60_000
"""How long PostgreSQL works on one statement, or keeps a transaction whose server says nothing."""
CONNECTIONS = 80
"""At most: more than there are threads that answer requests or rank, fewer than the 97 that
PostgreSQL gives out unless told otherwise."""
CONNECT_SECONDS = 10
NETWORK_MS = 30_000
"""How long a network may take no byte for PostgreSQL until the connection counts as lost; else it
is as long as the system likes, a quarter of an hour on Linux."""
WRITERS = 0x45534D
"""The advisory lock that a PostgreSQL database gives to one writer at a time."""
_Values = Mapping[str, object] | Sequence[object] | None
_HINT = "Write it like postgresql://user:password@host/database or sqlite:////path/file."


def make_engine(url: str | URL) -> Engine:
    """The engine of a database; raises InvalidInput for a URL that names none we can use."""
    parsed = parsed_url(url)
    engine = _sqlite(parsed) if parsed.get_backend_name() == "sqlite" else _postgresql(parsed)
    event.listen(engine, "before_cursor_execute", _refuse_nul)
    return engine


def parsed_url(url: str | URL) -> URL:
    """The URL of a database that we can use; raises InvalidInput."""
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError) as cause:
        raise InvalidInput("The database URL cannot be read.", _HINT) from cause
    if parsed.drivername in ("postgresql", "postgres"):
        parsed = parsed.set(drivername="postgresql+psycopg")
    if parsed.drivername not in ("postgresql+psycopg", "sqlite", "sqlite+pysqlite"):
        raise InvalidInput(f"The database URL names {parsed.drivername!r}.", _HINT)
    if "@" in (parsed.host or ""):  # else a part of the password would be shown as the host
        raise InvalidInput(
            "The password in the database URL holds an @.", "Write it as %40 there, a % as %25."
        )
    return parsed


def sqlite_file(url: str | URL) -> Path | None:
    """The file of an SQLite database, whichever links lead to it; None for one in memory."""
    name = parsed_url(url).database or ":memory:"
    if name.startswith("file:"):
        name = name.removeprefix("file:").partition("?")[0]
    return None if name == ":memory:" else Path(name).resolve()


def _sqlite(url: URL) -> Engine:
    in_memory = url.database in (None, "", ":memory:")
    pool = {} if in_memory else {"max_overflow": CONNECTIONS}
    engine = create_engine(url, hide_parameters=True, **pool)  # no content in logs
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # we emit BEGIN ourselves, below
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout={WAIT_MS}")
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")  # what was acknowledged survives a power cut
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    # A transaction that reads first and writes later fails when another writer came between;
    # taking the write lock at once makes writers queue instead.
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes(connection) else "BEGIN")


def _postgresql(url: URL) -> Engine:
    options = {
        "timezone": "UTC",
        "lock_timeout": WAIT_MS,
        "statement_timeout": STATEMENT_MS,
        "idle_in_transaction_session_timeout": STATEMENT_MS,
    }
    ours = {
        "connect_timeout": str(CONNECT_SECONDS),
        "application_name": "esm-server",
        "options": " ".join(f"-c {name}={value}" for name, value in options.items()),
    }
    said = url.query.keys()
    engine = create_engine(
        url.update_query_dict({key: value for key, value in ours.items() if key not in said}),
        hide_parameters=True,  # no content in logs
        pool_pre_ping=True,  # a connection that a restart has cut is replaced unnoticed
        pool_size=CONNECTIONS // 4,
        max_overflow=CONNECTIONS - CONNECTIONS // 4,
        # plans prepared before a migration would fail after it
        connect_args={"prepare_threshold": None, "tcp_user_timeout": NETWORK_MS},
    )
    event.listen(engine, "begin", _begin_postgresql)
    return engine


def _begin_postgresql(connection: Connection) -> None:
    # One writer at a time, as on SQLite: what a transaction reads stays true until it commits, so
    # version numbers have no gaps, quotas hold and an alias moves once, without a second set of
    # rules for this database. Writes are short; those who only read never wait.
    if writes(connection):
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({WRITERS})")


def writes(connection: Connection) -> bool:
    """Whether the transaction that begins on this connection is one that writes."""
    return bool(connection.get_execution_options().get("esm_write"))


def _refuse_nul(
    _connection: Any, _cursor: Any, _statement: str, parameters: Any, _context: Any, many: bool
) -> None:
    """PostgreSQL stores no NUL in a text; what one database refuses, neither takes."""
    # SQLAlchemy says `many` of single rows too where it inserts many one by one
    several = many and all(isinstance(row, list | tuple | Mapping) for row in parameters)
    for row in cast("Iterable[_Values]", parameters if several else (parameters,)):
        values = row.values() if isinstance(row, Mapping) else row or ()
        if any(isinstance(value, str) and "\0" in value for value in values):
            raise InvalidInput("A text holds a NUL character.", "Remove it.")
