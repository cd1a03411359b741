"""What a start does not wait for."""

import subprocess
import sys

import pytest
from support.server_commands import server_env

from esm_server.db import revisions

NEVER = {"minio", "alembic", "scipy", "torch", "faiss"}


@pytest.mark.parametrize(
    ("statement", "absent"),
    [
        ("import esm_server.asgi, esm_server.runner", NEVER),
        ("from esm_server.asgi import create_app; create_app()", NEVER),
        ("import esm_server.cli.entry", NEVER | {"litestar", "granian", "sqlalchemy"}),
        ("import esm_server.operations.check, esm_server.cli.working", NEVER | {"litestar"}),
        ("import esm_server.operations.backup_place", NEVER | {"litestar"}),
    ],
)
def test_what_an_import_leaves_alone(statement, absent, tmp_path):
    code = f"{statement}; import sys; print(*(name.split('.')[0] for name in sys.modules))"
    result = subprocess.run(
        [sys.executable, "-c", code],
        env=server_env(ESM_SERVER_DATA_DIR=str(tmp_path)),
        capture_output=True,
        text=True,
        check=True,
    )
    assert absent & set(result.stdout.split()) == set()


def test_revisions_are_those_that_alembic_finds():
    from alembic.script import ScriptDirectory

    scripts = ScriptDirectory(str(revisions.directory()))
    found = {each.revision: each.down_revision or "" for each in scripts.walk_revisions()}
    assert revisions.known() == found
    assert revisions.head() == scripts.get_current_head()
