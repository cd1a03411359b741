"""What every database has to keep, whichever it is."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from threading import Barrier, Event, Thread

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from support import postgres
from support.databases import KINDS, empty, on_servers

from esm_client.core.errors import InvalidInput, StorageFull, Unavailable
from esm_server.db import engines
from esm_server.db.database import Database
from esm_server.db.migrations import prepare


@pytest.fixture(name="database", params=KINDS)
def _database(request, tmp_path):
    database = Database(empty(request.param, tmp_path))
    prepare(database.engine)
    yield database
    database.close()


def add(session, name):
    run(session, "INSERT INTO users (name, kind, is_admin, created_at) "
        "VALUES (:name, 'person', FALSE, '2026-11-26 00:00:00')", name=name)  # fmt: skip


def run(session, statement, **values):
    return session.connection().execute(text(statement), values)


def names(session, where="TRUE"):
    return run(session, f"SELECT name FROM users WHERE {where} ORDER BY name").scalars().all()


def test_a_read_is_a_snapshot(database):
    with database.read() as reading:
        assert names(reading) == []
        with database.write() as writing:
            add(writing, "ann")
        assert names(reading) == [], "nothing changes under a reader, who stops no writer"
    with database.read() as reading:
        assert names(reading) == ["ann"]


def test_a_write_is_whole_or_nothing(database):
    def write(*wanted, then):
        with database.write() as session:
            for name in wanted:
                add(session, name)
            then()

    def fail():
        raise RuntimeError("in the middle")

    with pytest.raises(RuntimeError):
        write("ann", then=fail)
    with pytest.raises(DBAPIError):
        write("bob", "bob", then=fail)
    with database.read() as session:
        assert names(session) == []


def test_a_second_writer_waits_and_sees_what_the_first_wrote(database):
    entered, seen = Event(), []

    def second():
        with database.write() as session:
            seen.extend(names(session))
            entered.set()

    with database.write() as session:
        assert names(session) == []
        waiting = Thread(target=second)
        waiting.start()
        assert not entered.wait(0.5)
        add(session, "ann")
    waiting.join(30)
    assert seen == ["ann"]


def test_counting_writers_leave_no_gap(database):
    """Read, add one, write: the way versions are numbered and quotas are kept."""
    together = Barrier(16)

    def count(number):
        together.wait()
        for step in range(5):
            with database.write() as session:
                highest = run(session, "SELECT COUNT(*) FROM users").scalar()
                add(session, f"{highest:03d}-of-{number}-{step}")

    with ThreadPoolExecutor(16) as several:
        list(several.map(count, range(16)))
    with database.read() as session:
        assert [int(name[:3]) for name in names(session)] == list(range(80))


def test_a_writer_that_waits_too_long_is_told(database, monkeypatch):
    monkeypatch.setattr(engines, "WAIT_MS", 300)
    url = database.engine.url.set(query={})  # which holds how long the other one waits
    impatient = Database(url.render_as_string(hide_password=False))
    with database.write() as session:
        add(session, "ann")
        with pytest.raises(Unavailable), impatient.write() as late:
            names(late)
    with impatient.write() as session:
        add(session, "bob")
    impatient.close()


def test_names_are_ordered_by_their_bytes(database):
    wanted = ["A", "B", "Z", "_a", "a", "a-b", "a.b", "a_b", "ab", "b", "z", "\xe4", "\u4f60"]
    with database.write() as session:
        for name in reversed(wanted):
            add(session, name)
    with database.read() as session:
        assert names(session) == sorted(wanted) == wanted
        assert names(session, "name > 'a-b'") == wanted[6:]
        assert names(session, "name = 'a'") == ["a"], "capitals are other letters"


def test_no_text_holds_a_nul(database):
    with pytest.raises(InvalidInput, match="NUL"), database.write() as session:
        add(session, "a\0b")


def test_times_are_kept_in_utc(database):
    with database.write() as session:
        add(session, "ann")
        if database.engine.dialect.name == "postgresql":
            assert run(session, "SHOW timezone").scalar() == "UTC"
        assert "2026-11-26 00:00" in str(run(session, "SELECT created_at FROM users").scalar())


def test_a_full_disk_is_named(database):
    def fill():
        with database.write() as session:
            add(session, "ann")
            if database.engine.dialect.name == "postgresql":  # as when a table cannot grow
                run(session, "DO $$ BEGIN RAISE 'full' USING ERRCODE = '53100'; END $$")
            run(session, "PRAGMA max_page_count=1")  # no smaller than it is
            for number in range(2000):
                add(session, f"{number:090d}")

    with pytest.raises(StorageFull):
        fill()
    with database.read() as session:
        assert names(session) == []


@on_servers
def test_a_read_only_view_cannot_write(tmp_path):
    database = Database(empty("postgresql", tmp_path))
    prepare(database.engine)
    with pytest.raises(Unavailable), database.read() as session:
        add(session, "ann")
    database.close()


@on_servers
def test_after_a_kill_everything_acknowledged_is_there():
    with postgres.cluster() as own:
        database = Database(postgres.fresh_database(own.url))
        prepare(database.engine)
        with database.write() as session:
            add(session, "ann")

        def killed():
            with database.write() as session:
                add(session, "bob")
                own.kill()

        with pytest.raises(Unavailable):
            killed()
        with pytest.raises(Unavailable), database.read() as session:
            names(session)
        own.start()
        with database.read() as session:  # the same object: no restart of ours
            assert names(session) == ["ann"]
        with database.write() as session:
            add(session, "cid")
        database.close()


@on_servers
def test_a_stopped_or_crowded_postgresql_is_unavailable():
    with postgres.cluster() as own:
        url = postgres.fresh_database(own.url)
        database, crowd = Database(url), []
        prepare(database.engine)
        with database.read() as session:
            run(session, "SELECT pg_sleep(0)")
            ended = "SELECT pg_terminate_backend(pg_backend_pid())"
            with pytest.raises(Unavailable), database.write() as cut:
                run(cut, ended)
        database.engine.dispose()
        with suppress(psycopg.OperationalError):
            while len(crowd) < 200:
                crowd.append(psycopg.connect(url))
        assert len(crowd) < 200
        with pytest.raises(Unavailable), database.read() as session:
            names(session)
        for each in crowd:
            each.close()
        slow = Database(f"{url}?options=-c%20statement_timeout%3D100")
        with pytest.raises(Unavailable), slow.read() as session:
            run(session, "SELECT pg_sleep(5)")
        slow.close()
        database.close()
