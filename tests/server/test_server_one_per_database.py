"""A second server on one database, from another data directory: refused. What may run beside it."""

import os
import signal
import sys
from contextlib import closing, nullcontext
from types import SimpleNamespace

import httpx
import psycopg
import pytest
from support import postgres
from support.databases import KINDS, empty, lay_out, on_servers
from support.waiting import until

from esm_client.core.errors import Unavailable
from esm_server import runner
from esm_server.cli.serve import serve
from esm_server.db.owner import OWNERS, DatabaseOwner

pytestmark = pytest.mark.process
USED = "Another esm-server uses the database"


@pytest.fixture(name="url", params=KINDS)
def _url(request, tmp_path):
    (tmp_path / "database").mkdir()
    return empty(request.param, tmp_path / "database")


def on(url):
    return {"ESM_SERVER_DATABASE_URL": url}


def refused(running, *words, data_dir, url):
    """The two lines of a command that somebody else's use of the database keeps from its work."""
    run = running.run_process if words[0] == "serve" else running.run_command
    result = run(*words, data_dir=data_dir, env=on(url))
    assert result.returncode == 1, (result.stdout, result.stderr)
    assert "Traceback" not in result.stderr
    assert result.stdout == ""
    first, second = result.stderr.splitlines()[-2:]
    assert first.startswith("error: ")
    return first + second


def serves(running, name):
    """Whether the server can write: it makes a namespace of this name."""
    with running.client(running.admin_token) as client:
        return client.post("/v1/namespaces", json={"name": name}).status_code == 201


def test_a_second_server_on_another_data_directory(url, start_registry, tmp_path):
    running = start_registry(env=on(url))
    said = refused(running, "serve", "--port", "0", data_dir=tmp_path / "other", url=url)
    assert USED in said
    assert "ESM_SERVER_DATABASE_URL" in said
    assert (f"process {running.pid} on " in said) == url.startswith("postgresql")
    assert serves(running, "still")
    assert running.stop() == 0
    assert serves(start_registry(tmp_path / "other", on(url)), "then")


def test_a_second_server_by_another_name_of_the_file(start_registry, tmp_path):
    (tmp_path / "database").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "database")
    running = start_registry(env=on(f"sqlite:///{tmp_path}/database/registry.sqlite3"))
    (tmp_path / "file").symlink_to(tmp_path / "database" / "registry.sqlite3")
    for name in ("link/registry.sqlite3", "file", "link/../database/registry.sqlite3"):
        url = f"sqlite:///{tmp_path}/{name}"
        said = refused(running, "serve", "--port", "0", data_dir=tmp_path / "other", url=url)
        assert USED in said


def test_a_second_server_by_a_hard_link(start_registry, tmp_path):
    """The lock of the one name would not be seen by the other."""
    running = start_registry(env={"ESM_SERVER_DATABASE_URL": ""})
    assert running.stop() == 0
    os.link(running.data_dir / "registry.sqlite3", tmp_path / "registry.sqlite3")
    for folder, url in (
        (running.data_dir, ""),
        (tmp_path / "other", f"sqlite:///{tmp_path}/registry.sqlite3"),
    ):
        said = refused(running, "serve", "--port", "0", data_dir=folder, url=url)
        assert "has 2 names (hard links)" in said
    (tmp_path / "registry.sqlite3").unlink()
    assert serves(start_registry(running.data_dir, {"ESM_SERVER_DATABASE_URL": ""}), "again")


def test_a_second_server_on_the_file_in_a_data_directory(start_registry, tmp_path):
    running = start_registry(env={"ESM_SERVER_DATABASE_URL": ""})
    url = f"sqlite:///{running.data_dir}/registry.sqlite3"
    said = refused(running, "serve", "--port", "0", data_dir=tmp_path / "other", url=url)
    assert USED in said


def test_a_restore_beside_the_server(url, start_registry, tmp_path):
    running = start_registry(env=on(url))
    backups = str(tmp_path / "backups")
    assert running.run_command("backup", backups).returncode == 0
    said = refused(running, "restore", backups, data_dir=tmp_path / "other", url=url)
    assert USED in said
    assert not (tmp_path / "other" / "blobs").exists()


def test_what_may_run_beside_the_server_still_may(url, start_registry, tmp_path):
    running = start_registry(env=on(url))
    for words in (
        ("migrate",),
        ("check",),
        ("check", "--repair"),
        ("reindex",),
        ("gc",),
        ("backup", str(tmp_path / "backups")),
        ("backup", str(tmp_path / "backups"), "--revocations-only"),
        ("token", "create", "--user", "ann", "--scope", "read"),
    ):
        for data_dir in (running.data_dir, tmp_path / "other"):
            name = [] if words[0] != "token" else ["--name", data_dir.name]
            result = running.run_command(*words, *name, data_dir=data_dir, env=on(url))
            assert result.returncode == 0, (words, result.stderr)
            if words[0] == "reindex":
                assert "A server runs" in result.stdout
    assert serves(running, "still")


def test_a_restart_after_a_kill(url, start_registry, tmp_path):
    running = start_registry(env=on(url))
    running.kill()
    again = start_registry(running.data_dir, on(url))
    assert serves(again, "again")
    again.kill()
    assert serves(start_registry(tmp_path / "elsewhere", on(url)), "elsewhere")


def lock_sessions(url):
    with psycopg.connect(url) as connection:
        asked = "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND classid = %s"
        return [pid for (pid,) in connection.execute(asked, [OWNERS])]


def test_a_first_token_is_written_only_where_the_database_is_still_ours(
    monkeypatch, capsys, tmp_path
):
    confirmed = []
    owner = SimpleNamespace(confirm_writes_of=confirmed.append)
    monkeypatch.setattr("esm_server.ownership.exclusive", lambda *_, **__: nullcontext(owner))
    app = SimpleNamespace(create_app=lambda *_: None)  # importing the real one takes a while
    monkeypatch.setitem(sys.modules, "esm_server.asgi", app)
    for name in ("check_port", "run"):
        monkeypatch.setattr(runner, name, lambda *_: None)
    lay_out(tmp_path)
    serve(data_dir=tmp_path)
    assert "admin token" in capsys.readouterr().out
    assert len(confirmed) == 1


@pytest.mark.parametrize(
    ("owner", "status"),
    [
        (None, 0),
        (SimpleNamespace(lost=None), 0),
        (SimpleNamespace(lost=Unavailable(f"{USED}.")), 1),
    ],
)
def test_the_status_is_the_same_where_something_hangs_at_the_end(monkeypatch, owner, status):
    ended = []
    monkeypatch.setattr(os, "_exit", ended.append)
    runner._give_up(SimpleNamespace(owner=owner))
    assert ended == [status]


@on_servers
@pytest.mark.parametrize("end", ["stop", "kill"])
def test_after_postgresql_was_restarted(start_registry, tmp_path, end):
    with postgres.cluster() as own:
        url = postgres.fresh_database(own.url)
        running = start_registry(env=on(url))
        getattr(own, end)()
        own.start()
        assert serves(running, "at-once"), "the lock is taken again by whoever writes first"
        said = refused(running, "serve", "--port", "0", data_dir=tmp_path / "other", url=url)
        assert USED in said
        assert f"process {running.pid} on " in said
        getattr(own, end)()
        own.start()
        until(lambda: lock_sessions(url))  # nobody writes: whoever watches takes it
        with pytest.raises(Unavailable, match=USED), closing(DatabaseOwner(url)) as other:
            other.take()
        with running.client() as client:
            assert client.get("/health/ready").status_code == 200
        running.kill()


@on_servers
def test_whoever_lost_the_database_meanwhile_writes_nothing_and_stops(start_registry, tmp_path):
    with postgres.cluster() as own:
        url = postgres.fresh_database(own.url)
        first = start_registry(env=on(url))
        running = first.url
        first.send_signal(signal.SIGSTOP)
        try:
            (pid,) = lock_sessions(url)
            with psycopg.connect(url) as connection:
                connection.execute("SELECT pg_terminate_backend(%s, 10000)", [pid])
            second = start_registry(tmp_path / "other", on(url))
        finally:
            first.send_signal(signal.SIGCONT)
        headers = {"Authorization": f"Bearer {first.admin_token}"}
        try:
            answer = httpx.post(
                f"{running}/v1/namespaces", json={"name": "late"}, headers=headers, timeout=60
            )
            assert answer.status_code == 503, answer.text
        except httpx.TransportError:
            pass  # it has stopped listening already
        assert first.wait() == 1
        assert USED in first.log
        assert f"process {second.pid} on {os.uname().nodename}" in first.log
        assert "Traceback" not in first.log
        assert serves(second, "second")
        with second.client(second.admin_token) as client:
            found = [one["name"] for one in client.get("/v1/namespaces").json()["items"]]
        assert "late" not in found
        second.kill()
