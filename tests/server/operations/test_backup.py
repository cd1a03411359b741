"""`backup` beside pushes, `restore` elsewhere: the same versions, the same rankings."""

import shutil
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest
from server.operations.conftest import model_of_b
from sqlmodel import col, select
from support.databases import database_setting
from support.registry import settings_of
from support.storage import storage_env

from esm_client.core.artifact.manifest import digest_bytes
from esm_client.core.errors import Conflict
from esm_server.db import EsmRow
from esm_server.operations import restore as restoring
from esm_server.operations.backup_place import backups_at


def in_folder(target):
    """The backups of a folder, as the commands open them."""
    return backups_at(str(target), settings_of(target.parent / "elsewhere", {}))


def test_beside_pushes_and_back_elsewhere(
    served, command, push, esm_directory, start_registry, ranked, tmp_path
):
    folders = [esm_directory(f"p{seed}", seed=100 + seed) for seed in range(24)]
    target = tmp_path / "backups"
    stop, pushed = Event(), []

    def pushing():
        for number, folder in enumerate(folders):
            if not stop.is_set():
                push(folder, f"n/p{number}", server=served, space="space").raise_for_status()
                pushed.append(f"n/p{number}")

    with ThreadPoolExecutor(1) as pool:
        work = pool.submit(pushing)
        command(served, "backup", str(target))
        stop.set()
        work.result()
    last = command(served, "backup", str(target))
    assert len(in_folder(target).names()) == 2
    before, token = ranked(served), served.read_token
    served.stop()
    shutil.rmtree(served.data_dir)
    elsewhere = tmp_path / "elsewhere"
    back = command(served, "restore", str(target), data_dir=elsewhere)
    assert (back["rows"], back["blobs"]) == (last["rows"], last["blobs"])
    assert command(served, "check", "--deep", data_dir=elsewhere)["findings"] == []
    again = start_registry(elsewhere)
    assert ranked(again) == before
    with again.client(token) as client:  # tokens come back
        found = client.get("/v1/esms/n/a/versions/stable").json()
        assert found["version"] == 1
        matches = client.get("/v1/esms", params={"q": "reviews"}).json()["items"]
        assert [one["name"] for one in matches] == ["a"]
    again.write_token = served.write_token  # whose user is a member of the namespace
    fresh = push(esm_directory("z", seed=999), "n/z", server=again, space="space")
    assert fresh.json()["version"] == 1

    first = tmp_path / "first"
    name = in_folder(target).names()[0]
    command(again, "restore", str(target), "--at", name, data_dir=first)
    assert command(again, "check", "--deep", data_dir=first)["findings"] == []


def test_keys_of_deleted_versions_do_not_come_back(
    filled, parts, command, push, esm_directory, start_registry, tmp_path
):
    with filled.client(filled.admin_token) as client:
        client.delete("/v1/esms/n/c").raise_for_status()  # the newest
    command(filled, "backup", str(tmp_path / "backups"))
    command(filled, "restore", str(tmp_path / "backups"), data_dir=tmp_path / "other")
    again = start_registry(tmp_path / "other")
    again.write_token = filled.write_token
    push(esm_directory("d", seed=9), "n/d", server=again, space="space").raise_for_status()
    with again.client(again.read_token) as client:
        live = client.get("/v1/spaces/space/live").json()["live"]
    assert max(one["key"] for one in live) == 5


def test_only_what_is_new_is_copied(served, command, tmp_path):
    target = tmp_path / "backups"
    command(served, "backup", str(target))
    times = {path: path.stat().st_mtime_ns for path in target.glob("blobs/??/*")}
    command(served, "backup", str(target))
    assert {path: path.stat().st_mtime_ns for path in times} == times


def test_a_registry_that_is_not_empty(served, command, refused, tmp_path):
    command(served, "backup", str(tmp_path / "backups"))
    assert "Another esm-server uses" in refused(served, "restore", str(tmp_path / "backups"))
    served.stop()
    assert "empty registry only" in refused(served, "restore", str(tmp_path / "backups"))


@pytest.mark.parametrize("what", ["flipped", "removed", "point", "table"])
def test_a_damaged_backup(served, command, refused, tmp_path, what):
    target, other = tmp_path / "backups", tmp_path / "other"
    command(served, "backup", str(target))
    if what == "point":
        (path,) = target.glob("points/*.json")
        path.write_text(path.read_text().replace('"next_version_key": 5', '"next_version_key": 1'))
    else:
        point = in_folder(target).read(None)
        digest = point.tables["esms"].digest if what == "table" else point.blobs.digest
        path = target / "blobs" / digest[7:9] / digest[7:]
        data = path.read_bytes()
        path.write_bytes(bytes([data[0] ^ 1]) + data[1:])
        if what == "removed":
            path.unlink()
    assert "damaged" in refused(served, "restore", str(target), data_dir=other)
    assert list(other.glob("blobs/??/*")) == []
    if what != "point":  # whole again, the same command goes on
        path.write_bytes(data)
        command(served, "restore", str(target), data_dir=other)
        assert command(served, "check", "--deep", data_dir=other)["findings"] == []


def test_an_interrupted_restore_goes_on(filled, parts, command, tmp_path, monkeypatch):
    target, other = tmp_path / "backups", tmp_path / "other"
    command(filled, "backup", str(target))
    filled.run_command("migrate", data_dir=other)

    class Other:
        settings = settings_of(other, {**database_setting(other), **storage_env(other)})

    with parts(Other) as registry:
        registry.store.prepare()
        with monkeypatch.context() as patch:
            patch.setattr(restoring, "continue_keys", lambda *_: 1 / 0)  # after all rows
            with pytest.raises(ZeroDivisionError):
                restoring.restore(registry, in_folder(target), None)
        with registry.database.read() as session:
            assert session.exec(select(col(EsmRow.id))).all() == []
        assert restoring.restore(registry, in_folder(target), None).blobs == 10
        with pytest.raises(Conflict):
            restoring.restore(registry, in_folder(target), None)
    assert command(filled, "check", "--deep", data_dir=other)["findings"] == []


def test_blobs_that_the_registry_has_lost(served, parts, command, tmp_path):
    digest = model_of_b(served)
    with parts(served) as registry:
        registry.store.remove(digest)
    done = command(served, "backup", str(tmp_path / "backups"), status=3)
    assert done["lost"] == {digest: "n/b@1 model.safetensors"}
    restored = command(
        served, "restore", str(tmp_path / "backups"), data_dir=tmp_path / "other", status=3
    )
    assert restored["lost"] == [digest]


def test_wrong_input(filled, refused, tmp_path):
    assert "holds no backup" in refused(filled, "restore", str(tmp_path), data_dir=tmp_path / "x")
    assert not (tmp_path / "x").exists()
    (tmp_path / "file").write_text("")
    assert "cannot be used" in refused(filled, "backup", str(tmp_path / "file"))


def test_uploads_come_back_but_not_what_nothing_names(served, command, start_registry, tmp_path):
    content, elsewhere = b"sent and not named yet", tmp_path / "elsewhere"
    path = f"/v1/namespaces/n/blobs/{digest_bytes(content)}"
    with served.client(served.write_token) as client:
        client.put(path, content=content).raise_for_status()
    command(served, "backup", str(tmp_path / "backups"))
    command(served, "restore", str(tmp_path / "backups"), data_dir=elsewhere)
    assert command(served, "check", "--deep", data_dir=elsewhere)["findings"] == []
    other = start_registry(elsewhere)
    rows = "SELECT digest, namespace, user_id FROM uploads ORDER BY digest"
    assert other.query(rows) == served.query(rows)
    with other.client(served.write_token) as client:
        assert client.head(path).status_code == 404
        assert client.put(path, content=content).status_code == 201
