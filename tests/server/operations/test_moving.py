"""Backup, wipe, restore onto other back ends, and back: the same versions, the same rankings."""

import shutil

import pytest
from faults.backends import COMBINATIONS
from support.databases import ON_SERVERS, empty
from support.storage import s3_server

pytestmark = ON_SERVERS


def env_of(combination, folder):
    """The environment of a new registry on these back ends; skips where they cannot be had."""
    database, storage = combination
    folder.mkdir()
    env = {"ESM_SERVER_DATABASE_URL": empty(database, folder)}
    in_bucket = storage == "s3"
    return env | (s3_server().env(s3_server().create_bucket()) if in_bucket else {})


@pytest.mark.parametrize("other", COMBINATIONS[1:], ids="-".join)
def test_there_and_back(filled, command, ranked, start_registry, tmp_path, other):
    before, token = ranked(filled), filled.read_token
    command(filled, "backup", str(tmp_path / "backups"))
    filled.stop()
    shutil.rmtree(filled.data_dir)
    for number, combination in enumerate((other, COMBINATIONS[0])):
        folder = tmp_path / f"registry-{number}"
        env = env_of(combination, tmp_path / f"database-{number}")
        command(filled, "restore", str(tmp_path / "backups"), data_dir=folder, env=env)
        assert command(filled, "check", "--deep", data_dir=folder, env=env)["findings"] == []
        moved = start_registry(folder, env)
        assert ranked(moved) == before
        with moved.client(token) as client:
            assert client.get("/v1/esms/n/a/versions/stable").json()["version"] == 1
        shutil.rmtree(tmp_path / "backups")
        command(moved, "backup", str(tmp_path / "backups"))
        moved.stop()
