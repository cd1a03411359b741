"""Migrating while an older server works, or somebody else migrates: nothing is lost."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Event

import pytest
from alembic import command
from support.artifacts import answered
from support.databases import KINDS, empty, on_servers

from esm_server.db.database import Database
from esm_server.db.migrations import check_current, config

BEFORE = "a95d3c08e7b4"
"""A revision on which the present server can still publish."""


@pytest.mark.parametrize("kind", KINDS)
def test_no_acknowledged_push_is_lost(kind, start_registry, push, esm_directory, tmp_path):
    url = empty(kind, tmp_path)
    running = start_registry(env={"ESM_SERVER_DATABASE_URL": url})
    database = Database(url)
    command.downgrade(config(database.engine), BEFORE)
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
        migrated = running.run_command("migrate")
        acknowledged = [work.result() for work in works]
    assert migrated.returncode == 0, migrated.stderr
    check_current(database.engine)
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
