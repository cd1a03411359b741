"""The schema is made by migrations alone, on either database, and the models agree with it."""

import pytest
from alembic import command
from alembic.script import ScriptDirectory
from sqlalchemy import inspect, text
from support.databases import KINDS, empty, on_servers

from esm_client.core.errors import Unavailable
from esm_client.core.schemas import EsmQuery
from esm_server.db.columns import metadata
from esm_server.db.database import Database
from esm_server.db.migrations import check_current, config, prepare, upgrade
from esm_server.finding.repository import FindingRepository

FIRST = "8fd1d20550ef"


@pytest.fixture(name="url", params=KINDS)
def _url(request, tmp_path):
    return empty(request.param, tmp_path)


@pytest.fixture(name="database")
def _database(url):
    database = Database(url)
    yield database
    database.close()


class Admin:
    """A reader who sees everything."""

    user_id, sees_all, only_namespace = 0, True, None


def tables(database):
    names = set(inspect(database.engine).get_table_names())
    return {name for name in names if not name.startswith("esm_text")}  # FTS5 makes several


def run(database, statement):
    with database.write() as session:
        result = session.connection().execute(text(statement))
        return [tuple(row) for row in result] if result.returns_rows else []


def revisions(database):
    """From the first to the last."""
    scripts = ScriptDirectory.from_config(config(database.engine))
    return [script.revision for script in scripts.walk_revisions()][::-1]


def test_models_and_migrations_agree(database):
    upgrade(database.engine)
    command.check(config(database.engine))  # raises when a migration is missing
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


def fill_first(database):
    """What the first revision holds: two tokens, and an ESM with two versions."""
    command.upgrade(config(database.engine), FIRST)
    at = "'2026-11-20 12:00:00+00:00'"
    for name, scope in (("ann", "admin"), ("bob", "write")):
        run(database, f"INSERT INTO tokens (name, secret_sha256, scope, created_at) "
            f"VALUES ('{name}', 'hash of {name}', '{scope}', {at})")  # fmt: skip
    run(database, "INSERT INTO spaces (id, name, base_model, pooling, max_length, separator, "
        "dimension, canaries, generation, created_at, created_by) "
        f"VALUES (1, 's', 'tiny', 'mean', 128, ' ', 2, '[[1.5]]', 2, {at}, 'ann')")  # fmt: skip
    run(database, "INSERT INTO esms (id, namespace, name, space_id, num_versions, created_at) "
        f"VALUES (1, 'team', 'Mood', 1, 2, {at})")  # fmt: skip
    for number in (1, 2):
        task = '{"data_set": "test/mood", "kind": "classification", "language": "en"}'.replace(
            ":", r"\:"
        )
        run(database, "INSERT INTO esm_versions (id, esm_id, version, digest, architecture, "
            "dimension, task, card, provenance, created_at, created_by) "
            f"VALUES ({number}, 1, {number}, 'd{number}', 'linear', 2, '{task}', "
            f"'A card about sunny weather', '{{}}', {at}, 'bob')")  # fmt: skip
        run(database, "INSERT INTO version_files (version_id, name, digest, size) "
            f"VALUES ({number}, 'config.json', 'f', {number}00)")  # fmt: skip


def test_data_survives_every_step_up_and_down(database):
    """Step by step to the last revision, back to the first, and up again."""
    fill_first(database)
    for _ in range(2):
        for revision in revisions(database):
            command.upgrade(config(database.engine), revision)
        check_current(database.engine)
        assert run(database, "SELECT name, is_admin FROM users ORDER BY name") == [
            ("ann", True),
            ("bob", False),
        ]
        assert run(database, "SELECT namespace, role FROM members") == [("team", "admin")]
        assert run(database, "SELECT DISTINCT namespace FROM version_files") == [("team",)]
        assert run(database, "SELECT size FROM esm_versions ORDER BY id") == [(100,), (200,)]
        with database.read() as session:
            finding = FindingRepository(session, Admin())
            for words in ("sunny weath", "mood team", "test"):
                ((_, (esm, version, space)),) = finding.by_relevance(EsmQuery(text=words), None, 10)
                assert (esm.latest_number, esm.owner, esm.data_set) == (2, "bob", "test/mood")
                assert version.created_at.isoformat() == "2026-11-20T12:00:00+00:00"
                assert space.canaries == [[1.5]]
        for revision in revisions(database)[::-1]:
            command.downgrade(config(database.engine), revision)
        assert run(database, "SELECT name, num_versions FROM esms") == [("Mood", 2)]
        assert run(database, "SELECT name FROM tokens ORDER BY name") == [("ann",), ("bob",)]


def test_files_are_filed_under_the_namespace_of_their_own_esm(database):
    """Those of source models too; one blob may be in several."""
    fill_first(database)
    at = "'2026-11-20 12:00:00+00:00'"
    run(database, "INSERT INTO esms (id, namespace, name, space_id, num_versions, created_at) "
        f"VALUES (2, 'other', 'Mood', 1, 1, {at})")  # fmt: skip
    run(database, "INSERT INTO esm_versions (id, esm_id, version, digest, architecture, "
        "dimension, task, card, provenance, created_at, created_by) SELECT 3, 2, 1, 'd1', "
        "architecture, dimension, task, card, provenance, created_at, created_by "
        "FROM esm_versions WHERE id = 1")  # fmt: skip
    run(database, "INSERT INTO version_files (version_id, name, digest, size) "
        "VALUES (3, 'config.json', 'f', 100)")  # fmt: skip
    command.upgrade(config(database.engine), "7b41d0f6c3ea")
    for version in (1, 3):
        run(database, "INSERT INTO source_models (version_id, digest, size, created_at, created_by)"
            f" VALUES ({version}, 'm', 1, {at}, 'bob')")  # fmt: skip
        run(database, "INSERT INTO source_model_files (version_id, name, digest, size) "
            f"VALUES ({version}, 'model.safetensors', 'w', 1)")  # fmt: skip
    command.upgrade(config(database.engine), "b7e41d0c92f5")
    for table, filed in {
        "version_files": [(1, "team"), (2, "team"), (3, "other")],
        "source_model_files": [(1, "team"), (3, "other")],
    }.items():
        found = run(database, f"SELECT version_id, namespace FROM {table} ORDER BY version_id")
        assert found == filed


def test_large_numbers_become_the_largest_that_fits(database):
    upgrade(database.engine)
    run(database, "INSERT INTO namespaces (name, description, private, quota_versions, created_at, "
        f"created_by) VALUES ('n', '', FALSE, {2**53}, '2026-11-20 12:00:00', 'a')")  # fmt: skip
    command.downgrade(config(database.engine), "61e0b7d3a95c")
    assert run(database, "SELECT quota_versions FROM namespaces") == [(2**31 - 1,)]


def test_robots_get_the_namespace_that_all_their_tokens_are_limited_to(database):
    command.upgrade(config(database.engine), "5d1c7e0a94b2")
    at = "'2026-11-20 12:00:00+00:00'"
    for name in ("ours", "theirs"):
        run(database, "INSERT INTO namespaces (name, description, private, created_at, created_by) "
            f"VALUES ('{name}', '', TRUE, {at}, 'a')")  # fmt: skip
    users = {
        "of-ours": ("robot", ["ours", "ours"]),
        "of-both": ("robot", ["ours", "theirs"]),
        "wide": ("robot", ["ours", None]),
        "anna": ("person", ["ours"]),
    }
    for number, (name, (kind, limits)) in enumerate(users.items(), start=1):
        run(database, "INSERT INTO users (id, name, kind, is_admin, created_at) "
            f"VALUES ({number}, '{name}', '{kind}', FALSE, {at})")  # fmt: skip
        for count, limit in enumerate(limits):
            of = "NULL" if limit is None else f"'{limit}'"
            values = f"{number}, 't{count}', '{name}{count}', 'read', {of}, {at}"
            run(database, "INSERT INTO tokens (user_id, name, secret_sha256, scope, namespace, "
                f"created_at) VALUES ({values})")  # fmt: skip
    command.upgrade(config(database.engine), "7b41d0f6c3ea")
    found = dict(run(database, "SELECT name, namespace FROM users"))
    assert found == {"of-ours": "ours", "of-both": None, "wide": None, "anna": None}
    run(database, f"UPDATE users SET disabled_at = {at} WHERE name = 'anna'")
    command.downgrade(config(database.engine), "5d1c7e0a94b2")
    revoked = run(database, "SELECT user_id FROM tokens WHERE revoked_at IS NOT NULL")
    assert revoked == [(4,)], "who was disabled does not come back"


def test_preparing_twice_changes_nothing(database):
    prepare(database.engine)
    prepare(database.engine)
    check_current(database.engine)


def test_sqlite_is_set_up_for_safety(tmp_path):
    database = Database(empty("sqlite", tmp_path))
    upgrade(database.engine)
    with database.read() as session:
        values = {
            name: session.connection().execute(text(f"PRAGMA {name}")).scalar()
            for name in ("journal_mode", "foreign_keys", "synchronous")
        }
    assert values == {"journal_mode": "wal", "foreign_keys": 1, "synchronous": 2}
    database.close()


@on_servers
def test_postgresql_orders_every_text_by_its_bytes(tmp_path):
    database = Database(empty("postgresql", tmp_path))
    upgrade(database.engine)
    other = run(database, "SELECT table_name, column_name FROM information_schema.columns "
        "WHERE table_schema = 'public' AND data_type IN ('text', 'character varying') "
        "AND collation_name IS DISTINCT FROM 'C'")  # fmt: skip
    assert other == []
    assert run(database, "SELECT 'B' < 'a'") == [(False,)], "the database itself does otherwise"
    database.close()


def test_unknown_revision_is_refused(start_registry, url, database):
    prepare(database.engine)
    run(database, "UPDATE alembic_version SET version_num = 'from-the-future'")
    with pytest.raises(Unavailable, match="from-the-future"):
        prepare(database.engine)
    database.close()
    with pytest.raises(RuntimeError, match="which this version does not know"):
        start_registry(env={"ESM_SERVER_DATABASE_URL": url})


def test_foreign_database_is_refused(database):
    run(database, "CREATE TABLE recipes (id INTEGER)")
    with pytest.raises(Unavailable, match="none of an ESM registry"):
        prepare(database.engine)


def test_old_schema_names_the_command(database):
    with pytest.raises(Unavailable, match="esm-server migrate"):
        check_current(database.engine)


@on_servers
def test_a_server_upgrades_no_postgresql(start_registry, tmp_path):
    url = empty("postgresql", tmp_path)
    running = start_registry(env={"ESM_SERVER_DATABASE_URL": url})  # a fresh one it does
    running.stop()
    database = Database(url)
    command.downgrade(config(database.engine), "-1")
    database.close()
    with pytest.raises(RuntimeError, match="Run: esm-server migrate"):
        start_registry(env={"ESM_SERVER_DATABASE_URL": url})
    assert running.run_command("migrate").returncode == 0
    start_registry(env={"ESM_SERVER_DATABASE_URL": url})


def test_migrate_command(registry):
    result = registry.run_command("migrate")
    assert result.returncode == 0
    assert "up to date" in result.stdout
