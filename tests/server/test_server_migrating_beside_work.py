"""Migrating while an older server works, or somebody else migrates: nothing is lost."""

import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Event

import pytest
from support.artifacts import answered
from support.databases import KINDS, empty, on_servers

from esm_server.db import revisions
from esm_server.db.database import Database
from esm_server.db.migrations import check_current, upgrade

LATER = """
import sqlalchemy as sa
from alembic import op

revision = "0000000later"
down_revision = "{head}"


def upgrade():
    with op.batch_alter_table("esms") as esms:
        esms.add_column(sa.Column("later", sa.String(20)))
    op.create_index("ix_later", "version_files", ["digest", "size"])
"""
"""A migration that rebuilds a table on SQLite and locks two; our server can work after it."""


@pytest.fixture(name="later")
def _later(tmp_path, monkeypatch):
    """The migrations of a version that comes after ours."""
    folder = tmp_path / "later"
    shutil.copytree(revisions.directory(), folder)
    (folder / "versions" / "later.py").write_text(LATER.format(head=revisions.head()))
    monkeypatch.setattr(revisions, "directory", lambda: folder)
    revisions.known.cache_clear()
    yield
    revisions.known.cache_clear()


@pytest.mark.parametrize("kind", KINDS)
def test_no_acknowledged_push_is_lost(kind, start_registry, push, esm_directory, tmp_path, request):
    url = empty(kind, tmp_path)
    running = start_registry(env={"ESM_SERVER_DATABASE_URL": url})
    database = Database(url)
    request.getfixturevalue("later")
    directories = [[esm_directory(f"e{i}-{j}", seed=4 * j + i) for j in range(8)] for i in range(4)]
    half = Event()

    def work(number):
        """Push versions of one ESM; what the server refuses for now is pushed again."""
        acknowledged = {}
        for count, directory in enumerate(directories[number]):
            if count == 3:
                half.set()
            sent = partial(push, directory, f"t/e{number}", server=running)
            answer = answered(sent)
            assert answer.status_code == 201, answer.text
            document = answer.json()
            acknowledged[document["digest"]] = document["version"]
        return acknowledged

    with ThreadPoolExecutor(4) as several:
        works = [several.submit(work, number) for number in range(4)]
        assert half.wait(60)
        upgrade(database.engine)
        acknowledged = [work.result() for work in works]
    assert revisions.stored(database.engine) == "0000000later"
    database.close()
    with running.client(running.read_token) as client:
        for number, expected in enumerate(acknowledged):
            page = client.get(f"/v1/esms/t/e{number}/versions").json()
            assert {item["digest"]: item["version"] for item in page["items"]} == expected
            assert sorted(expected.values()) == list(range(1, 9))


@on_servers
def test_two_migrations_at_a_time_do_no_harm(tmp_path):
    url = empty("postgresql", tmp_path)
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
        "ESM_SERVER_DATABASE_URL": url,
    }
    migrate = [sys.executable, "-m", "esm_server.cli", "migrate", "--data-dir", str(tmp_path)]
    both = [subprocess.Popen(migrate, env=environment, stderr=subprocess.PIPE) for _ in range(2)]
    for process in both:
        _, said = process.communicate(timeout=120)
        assert process.returncode == 0, said
    database = Database(url)
    check_current(database.engine)
    database.close()
