"""`check` finds every planted damage and mends what can be mended."""

import pytest
from server.operations.conftest import model_of_b
from sqlalchemy import text
from support.storage import overwrite

from esm_server.operations.check import Repair, check, check_and_repair

ESM_A = "(SELECT id FROM esms WHERE name = 'a')"
ESM_B = "(SELECT id FROM esms WHERE name = 'b')"
FIRST = f"(SELECT id FROM esm_versions WHERE esm_id = {ESM_A} AND version = 1)"
C = "(SELECT v.id FROM esm_versions v JOIN esms e ON e.id = v.esm_id WHERE e.name = 'c')"

EMPTY_ESM = """
    INSERT INTO esms (
        id, namespace, name, space_id, description, last_number, num_versions, latest_number, live,
        data_set, architecture, owner, created_at, updated_at
    )
    SELECT 999, namespace, 'z', space_id, '', 0, 0, 0, true, '', '', '', created_at, updated_at
    FROM esms WHERE name = 'a'
"""
REPAIRABLE = [
    ("esm-facts-wrong", f"UPDATE esms SET latest_number = 1 WHERE id = {ESM_A}", ()),
    ("esm-facts-wrong", f"UPDATE esms SET num_versions = 7, live = false WHERE id = {ESM_A}", ()),
    ("esm-facts-wrong", f"UPDATE esms SET last_number = 1 WHERE id = {ESM_A}", ()),
    ("text-index-wrong", f"DELETE FROM esm_text WHERE rowid = {ESM_A}", ()),
    ("text-index-wrong", f"UPDATE esm_text SET tags = 'bad' WHERE rowid = {ESM_A}", ()),
    ("text-index-wrong", f"UPDATE esm_text SET rowid = 999 WHERE rowid = {ESM_B}", ()),
    ("facts-wrong", f"UPDATE esm_versions SET size = 1 WHERE id = {FIRST}", ()),
    ("facts-wrong", f"UPDATE esm_versions SET architecture = 'mlp' WHERE id = {C}", ("--deep",)),
    ("vectors-wrong", f"DELETE FROM map_signatures WHERE version_id = {FIRST}", ()),
    ("vectors-wrong", f"UPDATE map_signatures SET signature = '' WHERE version_id = {FIRST}", ()),
    ("vectors-wrong", f"DELETE FROM text_embeddings WHERE version_id = {C}", ("--deep",)),
    ("vectors-wrong", f"DELETE FROM source_sketches WHERE version_id = {C}", ("--deep",)),
    ("reference-dangling", f"UPDATE aliases SET version_id = 999 WHERE esm_id = {ESM_A}", ()),
    ("reference-dangling", "INSERT INTO esm_tags (esm_id, tag) VALUES (999, 'x')", ()),
    ("alias-elsewhere", f"UPDATE aliases SET version_id = {C} WHERE esm_id = {ESM_A}", ()),
    ("file-elsewhere", f"UPDATE version_files SET namespace = 'x' WHERE version_id = {FIRST}", ()),
    (
        "esm-empty",
        EMPTY_ESM,
        (),
    ),
]


FREE = {
    "sqlite": ("PRAGMA foreign_keys=OFF", "PRAGMA foreign_keys=ON"),
    "postgresql": ("SET session_replication_role = replica", "RESET session_replication_role"),
}


def damage(parts, running, statement):
    """Run a statement that no foreign key holds back."""
    with parts(running) as registry, registry.database.engine.connect() as connection:
        kind = connection.dialect.name
        if kind == "postgresql":
            statement = statement.replace("tags = 'bad'", "words = ''")
        before, after = FREE[kind]
        connection.connection.execute(before)
        connection.execute(text(statement))
        connection.commit()
        connection.connection.execute(after)


def codes(report, part="findings"):
    return {finding["code"] for finding in report[part]}


def test_a_sound_registry(served, command):
    for words in (("check",), ("check", "--deep"), ("check", "--repair")):
        report = command(served, *words)
        assert (report["findings"], report["repaired"]) == ([], [])
        assert report["versions"] == 4
    assert "All is well." in served.run_command("check").stdout


@pytest.mark.parametrize(("code", "statement", "words"), REPAIRABLE)
def test_what_can_be_mended(filled, parts, code, statement, words):
    damage(parts, filled, statement)
    deep = bool(words)
    with parts(filled) as registry:
        found = check(registry, deep=deep).findings
        assert code in {finding.code for finding in found}
        assert all(finding.repairable for finding in found)
        mended = check_and_repair(registry, Repair(server_runs=True), deep=deep)
        assert mended.findings == []
        assert code in {finding.code for finding in mended.repaired}
        assert check(registry, deep=True).findings == []


def test_a_lost_blob_names_its_versions_and_a_push_mends_it(served, parts, command, push, tmp_path):
    digest = model_of_b(served)
    with parts(served) as registry:
        registry.store.remove(digest)
    report = command(served, "check", "--repair", status=3)
    (finding,) = report["findings"]
    assert (finding["code"], finding["where"]) == ("blob-missing", digest)
    assert "n/b@1 model.safetensors" in finding["what"]
    assert not finding["repairable"]
    assert "cannot be repaired" in served.run_command("check").stdout
    again = push(tmp_path / "b2", "n/b", server=served, space="space")
    assert again.json()["version"] == 1
    assert command(served, "check", "--deep")["findings"] == []


@pytest.mark.parametrize("change", ["shorter", "flipped"])
def test_a_damaged_blob_is_set_aside_and_a_push_mends_it(
    served, parts, command, push, tmp_path, change
):
    digest = model_of_b(served)
    data = b"".join(served.store.read(digest, 0, served.store.size(digest)))
    spoilt = data[:-1] if change == "shorter" else data[:-1] + bytes([data[-1] ^ 1])
    overwrite(served.data_dir, digest, spoilt)
    words = () if change == "shorter" else ("--deep",)
    assert codes(command(served, "check", *words, status=3)) == {"blob-damaged"}
    assert codes(command(served, "check", "--repair", *words, status=3)) == {"blob-missing"}
    assert (served.data_dir / "damaged" / digest[7:]).stat().st_size in (len(data), len(data) - 1)
    push(tmp_path / "b2", "n/b", server=served, space="space").raise_for_status()
    assert command(served, "check", "--deep")["findings"] == []


def test_a_wrong_digest_cannot_be_mended(served, parts, command):
    damage(parts, served, f"UPDATE esm_versions SET digest = 'sha256:0' WHERE id = {FIRST}")
    report = command(served, "check", "--repair", status=3)
    assert codes(report) == {"digest-wrong"}


def test_the_engine_is_mended_unless_its_server_runs(served, command, ranked):
    before = ranked(served)
    (shelf,) = served.data_dir.glob("engine/space-*/*.maps")
    data = bytearray(shelf.read_bytes())
    data[100] ^= 1
    shelf.write_bytes(data)
    assert codes(command(served, "check", status=3)) == {"engine-damaged"}
    assert codes(command(served, "check", "--repair", status=3)) == {"engine-damaged"}
    assert shelf.exists()
    served.stop()
    assert codes(command(served, "check", "--repair"), "repaired") == {"engine-damaged"}
    assert not shelf.exists()
    assert before


def test_another_schema(served, parts, command):
    damage(parts, served, "UPDATE alembic_version SET version_num = 'ffff'")
    report = command(served, "check", "--repair", status=3)
    assert codes(report) == {"schema"}
    assert "unknown" in report["findings"][0]["what"]


def test_blobs_that_nothing_names_are_no_problem(served, command):
    with served.client(served.admin_token) as client:
        client.delete("/v1/esms/n/b").raise_for_status()
    report = command(served, "check")
    assert report["unreferenced_blobs"] == 2
    assert report["unreferenced_bytes"] > 1000
    assert report["findings"] == []


@pytest.mark.parametrize("name", ["check", "gc", "scrub", "reindex"])
def test_no_registry_there(filled, refused, tmp_path, name):
    if filled.settings.database_url:
        pytest.skip("a database elsewhere does not tell where the registry is")
    nowhere = tmp_path / "nowhere"
    assert "There is no registry in" in refused(filled, name, data_dir=nowhere)
    assert not nowhere.exists()


def test_reindex_makes_all_of_it_anew(filled, parts, command, ranked):
    before = ranked(filled)
    for table in ("map_signatures", "text_embeddings", "source_sketches", "esm_text"):
        damage(parts, filled, f"DELETE FROM {table}")
    done = command(filled, "reindex")
    assert (done["versions"], done["esms"], done["engine_dropped"]) == (4, 3, False)
    assert command(filled, "check", "--deep")["findings"] == []
    assert ranked(filled) == before
    filled.stop()
    assert command(filled, "reindex")["engine_dropped"]
