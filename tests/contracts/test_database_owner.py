"""The lock of a PostgreSQL database's one server: who has it, and what becomes of it."""

import os
import signal
from contextlib import contextmanager
from threading import Event

import psycopg
import pytest
from sqlalchemy import text
from support import postgres
from support.databases import ON_SERVERS, empty
from support.pgbouncer import pgbouncer
from support.waiting import until

from esm_client.core.errors import Unavailable
from esm_server.db import owner as owning
from esm_server.db.database import Database
from esm_server.db.migrations import prepare
from esm_server.db.owner import OWNERS, DatabaseOwner

pytestmark = ON_SERVERS
USED = "Another esm-server uses the database"


@pytest.fixture(name="url")
def _url(tmp_path):
    return empty("postgresql", tmp_path)


@pytest.fixture(name="owner")
def _owner():
    """owner(url) is a new one, which has not asked yet."""
    made = []

    def make(url):
        made.append(DatabaseOwner(url))
        return made[-1]

    yield make
    for one in made:
        one.close()


@contextmanager
def written_by(owner, url):
    """A database whose writes this owner confirms."""
    database = Database(url)
    prepare(database.engine)
    owner.confirm_writes_of(database.engine)
    yield database
    database.close()


def add(session, name):
    session.connection().execute(
        text(
            "INSERT INTO users (name, kind, is_admin, created_at) "
            "VALUES (:name, 'person', FALSE, '2026-11-26 00:00:00')"
        ),
        {"name": name},
    )


def names(database):
    with database.read() as session:
        found = session.connection().execute(text("SELECT name FROM users ORDER BY name"))
        return found.scalars().all()


def holders(url):
    """The processes of PostgreSQL that have the lock."""
    with psycopg.connect(url) as connection:
        found = connection.execute(
            "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted AND classid = %s "
            "AND database = (SELECT oid FROM pg_database WHERE datname = current_database())",
            [OWNERS],
        )
        return [pid for (pid,) in found]


def end_session(url):
    """Have PostgreSQL end the session of the lock, as a restart would."""
    (pid,) = holders(url)
    with psycopg.connect(url) as connection:
        assert connection.execute("SELECT pg_terminate_backend(%s, 10000)", [pid]).fetchone()[0]


def test_only_one_at_a_time(url, owner):
    first, second = owner(url), owner(url)
    first.take()
    with pytest.raises(Unavailable, match=USED) as refused:
        second.take()
    assert f"process {os.getpid()} on " in refused.value.message
    first.close()
    second.take()


def test_the_end_of_another_is_waited_for_where_somebody_is_told(url, owner):
    first, told = owner(url), []
    first.take()

    def tell(what):
        told.append(what)
        first.close()

    owner(url).take(tell)
    assert len(told) == 1
    assert USED in told[0]
    assert "Waiting up to 10 s" in told[0]


def test_that_wait_has_an_end(url, owner, monkeypatch):
    monkeypatch.setattr(owning, "PATIENCE", 0.3)
    told = []
    owner(url).take()
    with pytest.raises(Unavailable, match=USED):
        owner(url).take(told.append)
    assert len(told) == 1


def test_other_databases_and_schemas_are_other_registries(url, owner, tmp_path):
    owner(url).take()
    owner(empty("postgresql", tmp_path)).take()
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute('CREATE SCHEMA "Other"')
    schema = f"{url}?options=-csearch_path%3D%22Other%22"
    owner(schema).take()
    assert len(holders(url)) == 2
    with pytest.raises(Unavailable, match=USED):
        owner(schema).take()


def test_a_session_that_broke_is_replaced_before_a_write(url, owner):
    first = owner(url)
    first.take()
    with written_by(first, url) as database:
        for name in ("ann", "bob"):
            end_session(url)
            assert holders(url) == []
            with database.write() as session:
                add(session, name)
                assert len(holders(url)) == 1
        with pytest.raises(Unavailable, match=USED):
            owner(url).take()
        assert names(database) == ["ann", "bob"]


def test_nothing_is_written_once_another_server_has_the_database(url, owner):
    first, second = owner(url), owner(url)
    first.take()
    with written_by(first, url) as database, written_by(second, url) as others:
        end_session(url)
        second.take()
        for _ in range(2):
            with pytest.raises(Unavailable, match=USED) as refused, database.write() as session:
                add(session, "ann")
            # users are told, who shall not learn where the database is
            for secret in (str(os.getpid()), first._engine.url.database, "ESM_SERVER"):
                assert secret in str(first.lost)
                assert secret not in str(refused.value)
        with others.write() as session:
            add(session, "bob")
        assert names(database) == ["bob"], "it may still be read"
        second.close()
        with pytest.raises(Unavailable, match=USED), database.write() as session:
            add(session, "cid")


def test_a_server_does_not_take_itself_for_another(url, owner, monkeypatch):
    """Its connection broke after it had the lock, before it was answered."""
    monkeypatch.setattr(owning, "TRIES", 2)
    first = owner(url)
    first.take()
    end_session(url)
    orphan = first._opened()
    assert orphan.exec_driver_sql(owning._TAKE).scalar()
    first._session = None
    with written_by(first, url) as database:
        with pytest.raises(Unavailable, match="does not answer"), database.write() as session:
            add(session, "ann")
        assert first.lost is None
        orphan.invalidate()
        orphan.close()
        until(lambda: holders(url) == [])
        with database.write() as session:
            add(session, "bob")
        assert names(database) == ["bob"]
        assert len(first._own) == 1


def test_a_lock_on_another_postgresql_than_is_written_to_confirms_nothing(url, owner, tmp_path):
    """As where the URL names several hosts, and one of them is a standby."""
    first = owner(url)
    first.take()
    with written_by(first, empty("postgresql", tmp_path)) as database:
        with pytest.raises(Unavailable, match="does not answer"), database.write() as session:
            add(session, "ann")
        assert names(database) == []


def test_whoever_watches_takes_a_lost_lock_again(url, owner):
    first, lost = owner(url), Event()
    first.take()
    end_session(url)
    first.watch(lost.set)
    until(lambda: holders(url))
    with pytest.raises(Unavailable, match=USED):
        owner(url).take()
    assert not lost.is_set()


def test_whoever_watches_is_told_of_another_server(url, owner):
    first, second, lost = owner(url), owner(url), Event()
    first.take()
    end_session(url)
    second.take()
    first.watch(lost.set)
    assert lost.wait(60)
    assert USED in first.lost.message


def test_a_session_that_postgresql_has_not_missed_yet_still_counts(owner):
    """As when the network is cut between the two, and only the server knows."""
    cluster = postgres.private()
    try:
        url = postgres.fresh_database(cluster.url)
        first = owner(url)
        first.take()
        with written_by(first, url) as database:
            (pid,) = holders(url)
            os.kill(pid, signal.SIGSTOP)
            first._drop()
            with database.write() as session:
                add(session, "ann")
            first._take_again()
            assert first.lost is None
            assert holders(url) == [pid]
            with pytest.raises(Unavailable, match=USED):
                owner(url).take()
            os.kill(pid, signal.SIGCONT)
            until(lambda: holders(url) == [])
            with database.write() as session:
                add(session, "bob")
            assert len(holders(url)) == 1
    finally:
        postgres.remove(cluster)


def test_who_died_without_a_word_is_missed(url, owner):
    first = owner(url)
    first.take()
    shown = [
        int(first._session.exec_driver_sql(f"SHOW tcp_keepalives_{name}").scalar())
        for name in ("idle", "interval", "count")
    ]
    assert shown[0] + shown[1] * shown[2] <= 60  # seconds


def test_a_pooler_that_lends_single_transactions_is_noticed(url, owner):
    with pgbouncer(url, "transaction") as pooled:
        with pytest.raises(Unavailable, match="behind a pooler") as refused:
            owner(pooled).take()
        assert "ESM_SERVER_DATABASE_URL" in refused.value.hint
    assert holders(url) == []


def test_a_pooler_of_whole_sessions_does(url, owner):
    with pgbouncer(url, "session") as pooled:
        first = owner(pooled)
        first.take()
        with pytest.raises(Unavailable, match=USED):
            owner(url).take()
        first.close()
        until(lambda: holders(url) == [])
