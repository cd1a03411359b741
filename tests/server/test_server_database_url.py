"""A database that cannot be used: two lines, exit status 1, and no password anywhere."""

import psycopg
import pytest
from sqlalchemy.engine import make_url
from support import postgres
from support.databases import empty, on_servers
from support.server_commands import run_here, run_process, server_env

PASSWORD = "not-for-any-log"
COMMANDS = (
    ("serve", "--port", "0"),
    ("migrate",),
    ("token", "create", "--user", "ann", "--scope", "read"),
)


def fails(command, url, tmp_path):
    run = run_process if command[0] == "serve" else run_here
    result = run([*command, "--data-dir", str(tmp_path)], server_env(ESM_SERVER_DATABASE_URL=url))
    shown = result.stdout + result.stderr
    assert PASSWORD not in shown
    assert "Traceback" not in shown
    assert result.returncode == 1, shown
    message, hint = result.stderr.splitlines()
    assert hint.startswith("  ")
    return f"{message}\n{hint}"


@pytest.mark.parametrize(
    ("url", "said"),
    [
        (f"postgresql://esm:p@{PASSWORD}@127.0.0.1/esm", "%40"),
        (f"postgresql+asyncpg://esm:{PASSWORD}@127.0.0.1/esm", "'postgresql+asyncpg'"),
        (f"mysql://esm:{PASSWORD}@127.0.0.1/esm", "'mysql'"),
        (f"postgresql://esm:{PASSWORD}@127.0.0.1:port/esm", "postgresql://user"),
        (PASSWORD, "postgresql://user"),
        ("sqlite:////proc/no/such/folder", "unable to open"),
    ],
)
def test_urls_that_name_no_database(url, said, tmp_path):
    assert said in fails(("migrate",), url, tmp_path)


@pytest.mark.process
@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[0])
def test_nobody_listens(command, tmp_path):
    assert "refused" in fails(command, f"postgresql://esm:{PASSWORD}@127.0.0.1:1/esm", tmp_path)


@on_servers
def test_a_postgresql_that_refuses(tmp_path):
    if (reason := postgres.missing()) is not None:
        pytest.skip(reason)
    url = make_url(postgres.shared_url())
    missing = url.set(database="nobody-made-it").render_as_string(hide_password=False)
    message = fails(COMMANDS[2], missing, tmp_path)
    assert "nobody-made-it" in message
    assert "does not exist" in message
    assert (url.password or "?") not in message
    wrong = url.set(password=PASSWORD).render_as_string(hide_password=False)
    assert "password authentication failed" in fails(COMMANDS[0], wrong, tmp_path)


@on_servers
def test_a_user_who_may_make_no_tables(tmp_path):
    url = empty("postgresql", tmp_path)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("DROP ROLE IF EXISTS guest")
        connection.execute(f"CREATE ROLE guest LOGIN PASSWORD '{PASSWORD}'")
    own = make_url(url).set(username="guest", password=PASSWORD)
    shown = fails(("migrate",), own.render_as_string(hide_password=False), tmp_path)
    assert "permission denied" in shown
