"""The schema is made by migrations alone, and the models agree with it."""

import sqlite3

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import inspect, text

from esm_client.core.errors import Unavailable
from esm_server.db.columns import metadata
from esm_server.db.database import Database
from esm_server.db.migrations import check_current, config, prepare, upgrade


@pytest.fixture(name="database")
def _database(tmp_path):
    database = Database(f"sqlite:///{tmp_path / 'registry.sqlite3'}")
    yield database
    database.close()


def tables(database):
    names = set(inspect(database.engine).get_table_names())
    return {name for name in names if not name.startswith("esm_text")}  # FTS5 makes several


def test_models_and_migrations_agree(database):
    upgrade(database.engine)
    with database.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        found = compare_metadata(context, metadata)
        assert [change for change in found if "esm_text" not in str(change)] == []
    assert tables(database) == {*metadata.tables, "alembic_version"}


def test_constraints_exist_in_the_database(database):
    upgrade(database.engine)
    unique = inspect(database.engine).get_unique_constraints("esm_versions")
    assert {constraint["name"] for constraint in unique} == {
        "uq_esm_versions_esm_id_digest",
        "uq_esm_versions_esm_id_version",
    }


def test_down_and_up_again(database):
    upgrade(database.engine)
    command.downgrade(config(database.engine), "base")
    assert tables(database) == {"alembic_version"}
    command.upgrade(config(database.engine), "head")
    check_current(database.engine)


def test_preparing_twice_changes_nothing(database):
    prepare(database.engine)
    prepare(database.engine)
    check_current(database.engine)


def test_sqlite_is_set_up_for_safety(database):
    upgrade(database.engine)
    with database.read() as session:
        values = {
            name: session.connection().execute(text(f"PRAGMA {name}")).scalar()
            for name in ("journal_mode", "foreign_keys", "synchronous")
        }
    assert values == {"journal_mode": "wal", "foreign_keys": 1, "synchronous": 2}


def test_unknown_revision_is_refused(start_registry, tmp_path):
    database = Database(f"sqlite:///{tmp_path / 'd' / 'registry.sqlite3'}")
    (tmp_path / "d").mkdir()
    prepare(database.engine)
    with sqlite3.connect(tmp_path / "d" / "registry.sqlite3") as connection:
        connection.execute("UPDATE alembic_version SET version_num = 'from-the-future'")
    with pytest.raises(Unavailable, match="from-the-future"):
        prepare(database.engine)
    database.close()
    with pytest.raises(RuntimeError, match="which this version does not know"):
        start_registry(tmp_path / "d")


def test_foreign_database_is_refused(database, tmp_path):
    with sqlite3.connect(tmp_path / "registry.sqlite3") as connection:
        connection.execute("CREATE TABLE recipes (id INTEGER)")
    with pytest.raises(Unavailable, match="none of an ESM registry"):
        prepare(database.engine)


def test_old_schema_names_the_command(database):
    with pytest.raises(Unavailable, match="esm-server migrate"):
        check_current(database.engine)


def test_migrate_command(registry):
    result = registry.run_command("migrate")
    assert result.returncode == 0
    assert "up to date" in result.stdout
