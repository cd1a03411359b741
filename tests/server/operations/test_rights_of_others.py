"""The place of backups of one registry, where another one would write or be restored."""

import shutil

import pytest

WAYS = [("backup",), ("backup", "--keep", "1"), ("backup", "--revocations-only")]


def listed(folder):
    return sorted(path.relative_to(folder) for path in folder.glob("*/*.json"))


@pytest.mark.parametrize("way", WAYS, ids=" ".join)
def test_an_empty_registry_takes_no_list_away(granted, folder, first, refused, tmp_path, way):
    """As one that is just being restored is, for hours, while timers go on."""
    other = tmp_path / "other"
    assert granted.running.run_command("migrate", data_dir=other).returncode == 0
    before = listed(folder)
    said = refused(granted.running, way[0], str(folder), *way[1:], data_dir=other)
    assert "The registry is empty" in said
    assert listed(folder) == before


@pytest.mark.parametrize("way", WAYS, ids=" ".join)
@pytest.mark.parametrize("without", ["", "rights", "points"])
def test_another_registry_takes_no_list_away(
    granted, folder, first, refused, tmp_path, way, without
):
    """As a server that was started where nothing was restored yet."""
    other = tmp_path / "other"
    granted.command("token", "create", "--user", "admin", "--scope", "admin", data_dir=other)
    if without:
        shutil.rmtree(folder / without)
    before = listed(folder)
    said = refused(granted.running, way[0], str(folder), *way[1:], data_dir=other)
    assert "holds the backups of another registry" in said
    assert listed(folder) == before


def test_a_list_of_another_registry_is_not_obeyed(granted, folder, words, refused, tmp_path):
    other, elsewhere = tmp_path / "other", tmp_path / "elsewhere"
    granted.command("token", "create", "--user", "admin", "--scope", "admin", data_dir=other)
    granted.command("backup", str(elsewhere), "--revocations-only", data_dir=other)
    (path,) = elsewhere.glob("rights/*.json")
    shutil.copy(path, folder / "rights")
    said = refused(granted.running, *words, data_dir=tmp_path / "again")
    assert f"rights/{path.name}" in said
    assert "of another registry" in said
    done = granted.command(*words, "--as-it-was", data_dir=tmp_path / "again")["rights"]
    assert path.name in done["damage"]
    assert done["returned"] == []


def test_a_registry_whose_tokens_were_all_rotated_is_the_same(copy, folder, first):
    copy.running.query("UPDATE tokens SET secret_sha256 = 'x' || substr(secret_sha256, 2)")
    assert copy.command("backup", str(folder), "--revocations-only")["tokens"] > 3
