"""The list of who may do what beside backups: damaged, absent, kept, told to people."""

import json
import shutil
from contextlib import closing
from datetime import datetime

import pytest
from support.rights import named

from esm_client.core.errors import Unavailable
from esm_server.operations import backup_place
from esm_server.operations import backups as backups_module
from esm_server.operations import restore as restoring
from esm_server.operations.backup_place import backups_at
from esm_server.operations.rights_list import list_rights
from esm_server.settings import Settings


def in_place(folder):
    return backups_at(str(folder), Settings(data_dir=folder.parent / "none"))


def test_who_is_no_admin_any_more_is_not_made_one(copy, folder, words, tmp_path):
    copy.running.query("UPDATE users SET is_admin = FALSE WHERE name = 'admin'")
    copy.command("backup", str(folder), "--revocations-only")
    done = copy.command(*words, "--revoke-tokens", data_dir=tmp_path / "other")
    assert done["rights"]["new_token"]["user"] == "admin-2"


def test_where_no_admin_is_left_the_status_says_so(copy, folder, words, tmp_path):
    ended = "UPDATE tokens SET revoked_at = '2026-11-26 00:00:00' WHERE scope = 'admin'"
    copy.running.query(ended)
    copy.command("backup", str(folder), "--revocations-only")
    done = copy.command(*words, data_dir=tmp_path / "other", status=3)
    assert done["rights"]["has_admin"] is False
    shown = copy.running.run_command(*words, data_dir=tmp_path / "again")
    assert "esm-server token create --user NAME --scope admin" in shown.stdout


def test_people_are_told_a_line_each_and_no_secret(taken, folder, words, tmp_path):
    taken.command("backup", str(folder), "--revocations-only")
    hashes = [one for (one,) in taken.running.query("SELECT secret_sha256 FROM tokens")]
    shown = taken.running.run_command(*words, data_dir=tmp_path / "other").stdout
    lines = shown.splitlines()
    assert sum(line.startswith("taken back  ") for line in lines) == len(taken.taken)
    assert "taken back  token rotated of ann (read): its secret was changed" in lines
    assert "taken back  bob as admin in closed: reader now" in lines
    assert "taken back  ann as writer in closed: no member any more" in lines
    assert "taken back  opened (public): private now" in lines
    assert any(
        line.startswith("taken back  token revoked of ann (read): revoked 2") for line in lines
    )
    assert "gone  token late of ann (admin): made since" in lines
    assert not any(line.startswith(("can be used  ", "member  ")) for line in lines)
    lists = "".join(path.read_text() for path in folder.glob("rights/*.json"))
    assert "rotated" in lists
    for secret in [*taken.secrets.values(), *hashes]:
        assert secret not in shown
        assert secret not in lists


def spoil(path, how):
    document = json.loads(path.read_text())
    match how:
        case "cut":
            path.write_bytes(path.read_bytes()[:-40])
        case "empty":
            path.write_bytes(b"")
        case "another":
            path.write_text("[1, 2]")
        case "changed":
            (one,) = (t for t in document["rights"]["tokens"] if t["name"] == "revoked")
            one["revoked_at"] = None
            path.write_text(json.dumps(document))
        case "format" | "column":
            document["rights"] |= {"server_version": "99.0", **LATER[how]}
            document["sha256"] = backups_module._digest(document["rights"])
            path.write_text(json.dumps(document))


LATER = {"format": {"format": 2}, "column": {"groups": []}}


@pytest.mark.parametrize("how", LATER)
def test_a_list_of_a_later_version_is_not_called_damaged(
    taken, folder, words, refused, tmp_path, how
):
    newest = max(folder.glob("rights/*.json"))
    spoil(newest, how)
    said = refused(taken.running, *words, data_dir=tmp_path / "other")
    assert f"rights/{newest.name}" in said
    assert "is of esm-server 99.0, whose lists this version does not know" in said
    assert "damaged" not in said
    assert not (tmp_path / "other").exists()


@pytest.mark.parametrize("how", ["cut", "empty", "another", "changed"])
def test_a_damaged_list_is_refused(taken, folder, words, refused, tmp_path, how):
    taken.command("backup", str(folder), "--revocations-only")
    newest = max(folder.glob("rights/*.json"))
    spoil(newest, how)
    said = refused(taken.running, *words, data_dir=tmp_path / "other")
    assert f"rights/{newest.name}" in said
    assert "damaged" in said
    assert "--as-it-was" in said
    assert not (tmp_path / "other").exists()
    done = taken.command(*words, "--as-it-was", data_dir=tmp_path / "other")["rights"]
    assert newest.name in done["damage"]
    assert done["as_of"] is None
    newest.unlink()  # the one before it was written with the backup
    assert taken.command(*words, data_dir=tmp_path / "again")["rights"]["taken"] == []


def test_without_a_list_a_later_backup_counts(taken, folder, words, tmp_path):
    taken.command("backup", str(folder))
    shutil.rmtree(folder / "rights")  # as versions before this one left it
    done = taken.command(*words, data_dir=tmp_path / "other")["rights"]
    assert named(done["taken"]) == taken.taken


def test_without_any_later_word_that_is_said(granted, folder, first, tmp_path):
    shutil.rmtree(folder / "rights")
    other = tmp_path / "other"
    shown = granted.running.run_command("restore", str(folder), data_dir=other).stdout
    when = datetime.fromisoformat(in_place(folder).read(first).created_at)
    assert f"No list of revocations is newer than {when:%Y-%m-%d %H:%M:%S} UTC" in shown
    assert "what was revoked later is back" in shown
    assert "tokens can be used" in shown
    assert "taken back" not in shown


def test_without_any_later_word_all_that_comes_back_is_named(granted, words, tmp_path):
    done = granted.command(*words, data_dir=tmp_path / "other")["rights"]
    shown = granted.running.run_command(*words, data_dir=tmp_path / "again").stdout.splitlines()
    assert "can be used  token revoked of ann (read)" in shown
    assert "can be used  token default of carl (admin)" in shown
    assert "member  ann as writer in closed" in shown
    assert sum(line.startswith("can be used  ") for line in shown) == done["tokens"]
    assert sum(line.startswith("member  ") for line in shown) == len(done["members"])
    assert {"user": "ann", "name": "revoked", "scope": "read"} in done["usable"]
    assert len(done["usable"]) == done["tokens"]
    assert {"user": "ann", "namespace": "closed", "role": "writer"} in done["members"]
    assert "before" not in {one["name"] for one in done["usable"]}


def test_a_damaged_newest_backup_is_no_word_on_rights(taken, folder, words, refused, tmp_path):
    second = taken.command("backup", str(folder))["point"]
    shutil.rmtree(folder / "rights")
    digest = in_place(folder).read(second).tables["tokens"].digest.removeprefix("sha256:")
    (folder / "blobs" / digest[:2] / digest).unlink()
    said = refused(taken.running, *words, data_dir=tmp_path / "other")
    assert f"points/{second}.json" in said
    assert not (tmp_path / "other").exists()


def test_the_list_needs_neither_the_store_nor_a_place_in_the_queue(granted, folder):
    away = {
        "ESM_SERVER_S3_ENDPOINT": "http://127.0.0.1:9",
        "ESM_SERVER_S3_BUCKET": "nowhere",
        "ESM_SERVER_S3_ACCESS_KEY": "key",
        "ESM_SERVER_S3_SECRET_KEY": "secret",
    }
    done = granted.command("backup", str(folder), "--revocations-only", env=away)
    assert done["tokens"] > done["revoked"] == 1
    with in_place(folder).written():
        granted.command("backup", str(folder), "--revocations-only")
    assert len(list(folder.glob("rights/*.json"))) == 2
    assert not (folder / "points").exists()


def test_a_few_lists_are_kept(granted, folder, monkeypatch):
    monkeypatch.setattr(backups_module, "KEPT_RIGHTS", 3)
    for _ in range(5):
        granted.command("backup", str(folder), "--revocations-only")
    newest = granted.command("backup", str(folder))["point"]
    kept = sorted(path.stem for path in folder.glob("rights/*.json"))
    assert len(kept) == 3
    assert kept[-1] == newest


def put_another(folder, name):
    """The newest list once more, under this name."""
    newest = max(folder.glob("rights/*.json"))
    return shutil.copy(newest, newest.with_name(f"{name}.json"))


def test_lists_of_a_clock_that_was_ahead_do_not_count(
    taken, folder, words, refused, monkeypatch, tmp_path
):
    monkeypatch.setattr(backups_module, "KEPT_RIGHTS", 3)
    ahead = [f"29990101T00000000000{number}" for number in range(4)]
    for name in ahead:
        put_another(folder, name)
    for _ in range(2):
        taken.command("backup", str(folder), "--revocations-only")
    kept = sorted(path.stem for path in folder.glob("rights/*.json"))
    assert len(kept) == 3 + 4
    assert kept[3:] == ahead
    said = refused(taken.running, *words, data_dir=tmp_path / "other")
    assert f"rights/{ahead[-1]}.json" in said
    assert "a time to come" in said
    assert not (tmp_path / "other").exists()
    for name in ahead:
        (folder / "rights" / f"{name}.json").unlink()
    done = taken.command(*words, data_dir=tmp_path / "other")["rights"]
    assert named(done["taken"]) == taken.taken


@pytest.mark.parametrize("error", [PermissionError("no"), Unavailable("no")])
def test_a_place_where_nothing_can_be_removed_still_takes_lists(
    granted, folder, monkeypatch, error
):
    def refuse(_self, _name):
        raise error

    monkeypatch.setattr(backups_module, "KEPT_RIGHTS", 1)
    monkeypatch.setattr(backup_place._Folder, "remove", refuse)
    for _ in range(3):
        granted.command("backup", str(folder), "--revocations-only")
    granted.command("backup", str(folder))
    assert len(list(folder.glob("rights/*.json"))) == 4


def test_a_list_of_while_files_are_copied_counts(taken, folder, words, monkeypatch, tmp_path):
    copy_blobs = restoring.copy_blobs

    def copy(*arguments, **options):
        with closing(taken.running.database()) as database:
            list_rights(database, in_place(folder))
        return copy_blobs(*arguments, **options)

    monkeypatch.setattr(restoring, "copy_blobs", copy)
    done = taken.command(*words, data_dir=tmp_path / "other")["rights"]
    assert named(done["taken"]) == taken.taken


def test_after_a_damaged_list_comes_a_sound_one(granted, folder, first):
    spoil(max(folder.glob("rights/*.json")), "cut")
    granted.command("backup", str(folder), "--revocations-only")
    assert in_place(folder).newest_rights().users


def test_a_registry_that_stands_there_is_told_to_list_first(granted, words, refused):
    said = refused(granted.running, *words)
    assert "empty registry only" in said
    assert "backup --revocations-only" in said


def test_options_that_do_not_go_together(granted, folder, first):
    for words in (
        ("backup", str(folder), "--revocations-only", "--verify"),
        ("backup", str(folder), "--revocations-only", "--keep", "3"),
        ("restore", str(folder), "--list", "--as-it-was"),
        ("restore", str(folder), "--files-only", "--revoke-tokens"),
        ("restore", str(folder), "--rights-only", "--files-only"),
        ("restore", str(folder), "--rights-only", "--as-it-was"),
        ("restore", str(folder), "--rights-only", "--at", first),
    ):
        assert granted.running.run_command(*words).returncode == 2, words


def test_where_no_list_is_made(granted, folder, refused, tmp_path):
    own = str(granted.running.data_dir)
    said = refused(granted.running, "backup", own, "--revocations-only")
    assert "the registry itself" in said
    file = f"sqlite:///{tmp_path}/nowhere.sqlite3"
    where = {"data_dir": tmp_path / "nowhere", "env": {"ESM_SERVER_DATABASE_URL": file}}
    said = refused(granted.running, "backup", str(folder), "--revocations-only", **where)
    assert "no registry" in said
    assert not folder.exists()
