"""Connections and transactions: the one place that commits."""

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from types import MappingProxyType

from sqlalchemy.exc import InterfaceError, InternalError, OperationalError
from sqlalchemy.exc import TimeoutError as NoConnectionFree
from sqlmodel import Session

from esm_client.core.errors import StorageFull, Unavailable
from esm_server.db.engines import make_engine

_SNAPSHOT = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
RETRY = MappingProxyType({"Retry-After": "5"})
"""Of an answer to a request that has changed nothing: clients send it again."""
_FULL = ("SQLITE_FULL", "53100")
"""What SQLite and PostgreSQL call a full disk."""


class Database:
    """Sessions over one engine; `read` never writes, `write` commits when its block ends well.

    A handler opens exactly one of them, and only for as long as it talks to the database:
    files are validated before `write`, pools are scored between `read` and `write`.
    """

    def __init__(self, url: str) -> None:
        self.engine = make_engine(url)
        on_sqlite = self.engine.dialect.name == "sqlite"  # where a transaction is a snapshot
        self._reading = self.engine.execution_options(**({} if on_sqlite else _SNAPSHOT))
        self._writing = self.engine.execution_options(esm_write=True)

    @contextmanager
    def read(self) -> Generator[Session]:
        """A read-only view of one moment; raises Unavailable."""
        with _translated(RETRY), Session(self._reading, expire_on_commit=False) as session:
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


def hold(session: Session) -> None:
    """Make sure that a write transaction has begun and still is ours; raises Unavailable.

    PostgreSQL ends one that says nothing for a minute, and lets the next writer in. Call it right
    before whatever only the one writer may do outside of the database.
    """
    with _translated():
        session.connection().exec_driver_sql("SELECT 1")


@contextmanager
def _translated(headers: Mapping[str, str] = MappingProxyType({})) -> Generator[None]:
    try:
        yield
    except NoConnectionFree as cause:
        error = Unavailable("The server has too much to do.", "Try again in a moment.")
        error.headers = RETRY
        raise error from cause
    except (OperationalError, InternalError, InterfaceError) as cause:
        code = getattr(cause.orig, "sqlstate", None) or getattr(
            cause.orig, "sqlite_errorname", None
        )
        if code in _FULL:
            raise StorageFull(
                "The server's disk is full, so nothing was changed.",
                "Tell the server's operator; the request can be repeated.",
            ) from cause
        error = Unavailable("The server's database does not answer.", "Try again in a moment.")
        error.headers = headers
        raise error from cause
