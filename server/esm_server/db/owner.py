"""The one server of a PostgreSQL database: a lock that lives as long as a session of its own."""

import logging
import os
import secrets
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from threading import Event, Lock, Thread

from sqlalchemy import URL, Connection, Engine, event
from sqlalchemy.exc import DBAPIError

from esm_client.core.errors import Unavailable
from esm_server.db.engines import make_engine, parsed_url, writes
from esm_server.db.migrations import usable

_LOG = logging.getLogger("esm_server")
OWNERS = 0x45534D53
"""The advisory lock of a schema's one server, together with the number of the schema."""
PATIENCE = 10.0
"""Seconds that a server waits at its start for the session of one that was killed."""
LOOK_SECONDS = 2.0
RETRY_SECONDS = 0.1
TRIES = 20
"""How often a lock is asked for whose session is just ending."""
BUSY_SECONDS = 5.0
_SCHEMA = "coalesce((SELECT oid FROM pg_namespace WHERE nspname = current_schema()), 0::oid)"
_TAKE = f"SELECT pg_try_advisory_lock({OWNERS}, ({_SCHEMA})::int4)"
_SINCE = "to_char(a.backend_start AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US')"
_SELF = f"SELECT a.pid, {_SINCE} FROM pg_stat_activity a WHERE a.pid = pg_backend_pid()"  # noqa: S608
_HOLDER = (
    f"SELECT l.pid, {_SINCE}, a.application_name "  # noqa: S608 - of constants alone
    "FROM pg_locks l LEFT JOIN pg_stat_activity a ON a.pid = l.pid "
    "WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 2 "
    "AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database()) "
    f"AND l.classid = {OWNERS}::oid AND l.objid = {_SCHEMA}"
)
_NAME = "esm-server, "
_KEEPALIVES = {"idle": "15", "interval": "10", "count": "3"}
"""TCP keepalives of the session, on both ends: whoever dies without a word is missed in 45 s."""


@dataclass(frozen=True, slots=True)
class _Holder:
    """Who has the lock: a session, and what PostgreSQL tells of it."""

    pid: int
    since: str | None
    name: str | None

    def __str__(self) -> str:
        name = (self.name or "").removeprefix(_NAME) or f"its process {self.pid}"
        return f"{name}, since {self.since[:19]} UTC" if self.since else name


class DatabaseOwner:
    """The right to be the only server of a PostgreSQL database, or of one schema in it.

    Two locks on one session: one that everybody asks for, and one of a number drawn for this
    session, by which a transaction sees at no cost that the session still lives, on the same
    PostgreSQL. A session that broke (a restart, a failover) is replaced before anything more is
    written; where another server was faster, this one writes nothing any more.
    """

    def __init__(self, url: str | URL) -> None:
        """Opens nothing yet; raises InvalidInput for a URL that cannot be used."""
        parsed = parsed_url(url)
        ours = {f"keepalives_{name}": value for name, value in _KEEPALIVES.items()}
        ours["tcp_user_timeout"] = "30000"  # milliseconds
        said = parsed.query.keys()
        self._engine = make_engine(
            parsed.update_query_dict({key: value for key, value in ours.items() if key not in said})
        )
        self._session: Connection | None = None
        self._pid = 0
        self._own: set[tuple[int, str]] = set()
        """Our sessions, as holders of the lock: one that broke may have it a while longer."""
        self._mark = 0
        """The number drawn for the session; nobody else asks for that lock."""
        self._busy = Lock()
        self._closed = Event()
        self.lost: Unavailable | None = None
        """What is said once another server has the database."""

    def take(self, tell: Callable[[str], object] | None = None) -> None:
        """Become the only server; raises Unavailable where there is one.

        The session of a server that was killed may outlive it by a moment: it is waited for where
        `tell` is given, which is told so once.
        """
        deadline = time.monotonic() + PATIENCE
        with usable(self._engine):
            session = self._opened()
            self._check_unshared(session)
            told = False
            while not self._locked(session):
                error = self._used(_holder(session))
                if tell is None or time.monotonic() >= deadline:
                    raise error
                if not told:
                    tell(f"{error.message} Waiting up to {PATIENCE:g} s for its end.")
                    told = True
                time.sleep(RETRY_SECONDS)

    def confirm_writes_of(self, engine: Engine) -> None:
        """Let no transaction of an engine write unless the database is still ours."""
        event.listen(engine, "begin", self._confirm)

    def watch(self, lost: Callable[[], object]) -> None:
        """Look now and then, in a thread, and call once if another server has the database."""
        Thread(target=self._watch, args=(lost,), name="owner", daemon=True).start()

    def close(self) -> None:
        """Give the database free."""
        self._closed.set()
        if self._busy.acquire(timeout=BUSY_SECONDS):  # else it ends with this process
            try:
                self._drop()
                self._engine.dispose()
            finally:
                self._busy.release()

    def _confirm(self, connection: Connection) -> None:
        if not writes(connection):
            return
        if self.lost is not None:
            raise _taken()
        mark = self._mark
        if not self._holds(mark, connection):
            self._renew(mark)
            # of several hosts, the lock may be taken on another one than is written to
            if not self._holds(self._mark, connection):
                raise _away()

    def _holds(self, mark: int, connection: Connection) -> bool:
        """Whether the session of this mark lives, as seen by a connection that may write."""
        asked = f"SELECT pg_try_advisory_xact_lock_shared({mark})"
        return not connection.exec_driver_sql(asked).scalar()

    def _renew(self, mark: int) -> None:
        if not self._busy.acquire(timeout=BUSY_SECONDS):
            raise _away()
        try:
            if self._mark == mark:
                self._take_again()
            if self._mark == mark:
                raise _away()
        finally:
            self._busy.release()

    def _watch(self, lost: Callable[[], object]) -> None:
        while not self._closed.wait(LOOK_SECONDS):
            try:
                with self._busy:
                    if self.lost is not None or (not self._closed.is_set() and not self._lives()):
                        self._take_again()
            except DBAPIError:
                continue  # the database is away, as readiness and requests tell
            except Unavailable as error:
                _LOG.error("%s This server stops.", (self.lost or error).message)
                lost()
                return

    def _lives(self) -> bool:
        session = self._session
        if session is None:
            return False
        try:
            found = session.exec_driver_sql("SELECT pg_backend_pid()").scalar()
        except DBAPIError:
            return not session.invalidated
        return found == self._pid

    def _take_again(self) -> None:
        """Replace a session that has ended; raises Unavailable where another server was faster.

        `lost` then says which one, for the operator alone: what is raised reaches users. Nothing
        happens while PostgreSQL has not missed our old session yet: the lock is ours so long.
        """
        if self.lost is not None:
            raise _taken()
        session = self._opened()
        for _ in range(TRIES):
            if self._locked(session):
                _LOG.warning("the session of this server's lock had ended; the lock is taken again")
                return
            holder = _holder(session)
            if holder is not None and (holder.pid, holder.since) not in self._own:
                self.lost = self._used(holder)
                self._drop()
                raise _taken()
            time.sleep(RETRY_SECONDS)
        self._drop()

    def _opened(self) -> Connection:
        self._drop()
        self._session = session = self._engine.connect().execution_options(
            isolation_level="AUTOCOMMIT"
        )
        name = f"{_NAME}process {os.getpid()} on {socket.gethostname()}"[:63]
        settings = {f"tcp_keepalives_{key}": value for key, value in _KEEPALIVES.items()}
        settings["application_name"] = name.encode("ascii", "replace").decode().replace("'", "")
        calls = (f"set_config('{key}', '{value}', false)" for key, value in settings.items())
        session.exec_driver_sql(f"SELECT {', '.join(calls)}")
        pid, since = session.exec_driver_sql(_SELF).one()
        self._own.add((pid, since))  # before it asks for the lock: the answer may be lost
        return session

    def _locked(self, session: Connection) -> bool:
        if not session.exec_driver_sql(_TAKE).scalar():
            return False
        mark = secrets.randbits(62)
        session.exec_driver_sql(f"SELECT pg_advisory_lock({mark})")
        self._pid, since = session.exec_driver_sql(_SELF).one()
        self._own = {(self._pid, since)}  # the others have it no more
        self._mark = mark
        return True

    def _check_unshared(self, session: Connection) -> None:
        """Raise Unavailable where a pooler gives one session to several connections in turn."""
        asked = "SELECT pg_backend_pid()"
        before = session.exec_driver_sql(asked).scalar()
        with self._engine.connect() as other:  # whose transaction takes what lies idle
            theirs = other.exec_driver_sql(asked).scalar()
            if before == session.exec_driver_sql(asked).scalar() != theirs:
                return
        raise Unavailable(
            f"The database {self._engine.url.database!r} is behind a pooler that lends a session "
            "for single transactions, so a server cannot keep it for itself.",
            "Name PostgreSQL itself in ESM_SERVER_DATABASE_URL, or a pool of whole sessions.",
        )

    def _used(self, holder: _Holder | None) -> Unavailable:
        url = self._engine.url
        where = f"{url.database!r}" + (f" on {url.host}" if url.host else "")
        who = "" if holder is None else f" ({holder})"
        return Unavailable(
            f"Another esm-server uses the database {where}{who}.",
            "Stop it, or name another database in ESM_SERVER_DATABASE_URL.",
        )

    def _drop(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            session.invalidate()  # not back into the pool: its locks shall end with it
            session.close()


def _holder(session: Connection) -> _Holder | None:
    """Who has the lock, if it is not just being given free."""
    row = session.exec_driver_sql(_HOLDER).first()
    return None if row is None else _Holder(*row)


def _taken() -> Unavailable:
    return Unavailable(
        "Another esm-server uses the database, so this one changes nothing any more.",
        "Try again in a moment; if that does not help, tell the server's operator.",
    )


def _away() -> Unavailable:
    return Unavailable("The server's database does not answer.", "Try again in a moment.")
