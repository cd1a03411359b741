"""What looks damaged once need not be: nothing sound is removed, and what is damaged is mended."""

import hashlib
from pathlib import Path

import pytest
from server.operations.conftest import model_of_b
from support.databases import on_servers
from support.storage import overwrite, s3_server

from esm_client.core.errors import Unavailable
from esm_server.operations.copying import copy_blobs
from esm_server.operations.hashing import fault_of
from esm_server.operations.opening import nobody_watches
from esm_server.operations.setting_aside import set_aside
from esm_server.storage import blob_cache
from esm_server.storage.blob_cache import BlobCache
from esm_server.storage.local import LocalBlobStore


def overwrite_last(path):
    """Flip the last byte of a file."""
    data = path.read_bytes()
    path.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))


def failing(read, times):
    """A store's `read` that fails a few times before it works."""
    left = [times]

    def fails(*arguments):
        left[0] -= 1
        if left[0] >= 0:
            raise OSError("flaps")
        return read(*arguments)

    return fails


@pytest.mark.parametrize("times", [0, 1, 2, 100])
def test_a_sound_blob_is_never_set_aside(filled, parts, command, monkeypatch, times):
    digest = model_of_b(filled)
    with parts(filled) as registry:
        monkeypatch.setattr(registry.store, "read", failing(registry.store.read, times))
        assert set_aside(registry, digest) is None
        assert registry.store.size(digest) is not None
    assert list((filled.data_dir / "damaged").glob("*")) == []
    assert command(filled, "check", "--deep")["findings"] == []


def test_the_registry_is_no_place_for_its_backups(filled, refused):
    for place in (
        filled.data_dir,
        filled.data_dir / "blobs",
        f"{filled.data_dir}/../{filled.data_dir.name}",
    ):
        assert "the registry itself" in refused(filled, "backup", str(place))


def test_a_damaged_dump_is_replaced_by_the_next_backup(filled, command, tmp_path):
    target = tmp_path / "backups"
    command(filled, "backup", str(target))
    dumps = [path for path in target.glob("blobs/??/*") if path.read_bytes()[:1] == b"{"]
    assert dumps
    for path in dumps:
        path.write_bytes(b"")
    command(filled, "backup", str(target))
    command(filled, "restore", str(target), data_dir=tmp_path / "other")
    assert command(filled, "check", "--deep", data_dir=tmp_path / "other")["findings"] == []


def test_gc_before_the_first_start(start_registry, command, tmp_path):
    running = start_registry()
    running.run_command("migrate", data_dir=tmp_path / "new")
    assert command(running, "gc", data_dir=tmp_path / "new")["removed"] == 0


def test_a_database_that_cannot_be_had(filled, refused):
    url = "postgresql://a:b@127.0.0.1:9/c"
    for words in (["check"], ["gc"], ["scrub"], ["backup", "somewhere"]):
        told = refused(filled, *words, env={"ESM_SERVER_DATABASE_URL": url})
        assert "cannot be used" in told
    told = refused(filled, "gc", env={"ESM_SERVER_DATABASE_URL": "nonsense"})
    assert "cannot be read" in told


def test_a_cached_file_that_goes_while_it_is_opened(tmp_path, monkeypatch):
    content = b"the bytes"
    digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
    cache = BlobCache(tmp_path / "cache", 10**6)
    cache.prepare()
    with cache.open(digest, lambda: [content]) as first:
        (blob,) = (tmp_path / "cache").glob("??/*")

        def dropped(_path):
            blob.unlink()
            raise FileNotFoundError

        with monkeypatch.context() as patch:
            patch.setattr("os.utime", dropped)
            with cache.open(digest, lambda: [content]) as second:
                assert second.read_bytes() == content
        assert first.read_bytes() == content


def test_a_cached_file_that_cannot_be_read_is_fetched_again(tmp_path, monkeypatch):
    digest = f"sha256:{hashlib.sha256(b'the bytes').hexdigest()}"
    cache = BlobCache(tmp_path / "cache", 10**6)
    cache.prepare()
    with cache.open(digest, lambda: [b"the bytes"]):
        pass

    def bad_sector(_path):
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(blob_cache, "digest_file", bad_sector)
    with cache.open(digest, lambda: [b"the bytes"]) as path:
        assert path.read_bytes() == b"the bytes"


def test_a_damaged_backup_is_mended_by_one_that_verifies(filled, command, refused, tmp_path):
    target, digest = tmp_path / "backups", model_of_b(filled)
    command(filled, "backup", str(target))
    path = target / "blobs" / digest[7:9] / digest[7:]
    overwrite_last(path)
    command(filled, "backup", str(target))
    told = refused(filled, "restore", str(target), data_dir=tmp_path / "other")
    assert "--verify" in told
    command(filled, "backup", str(target), "--verify")
    command(filled, "restore", str(target), data_dir=tmp_path / "other")


def test_what_a_backup_cannot_read_stays_there(filled, parts, monkeypatch, tmp_path):
    digest, target = model_of_b(filled), LocalBlobStore(tmp_path / "target")
    target.prepare()
    with parts(filled) as registry:
        blobs = [(digest, registry.store.size(digest))]
        copy_blobs(registry.store, target, blobs, nobody_watches)
        registry.store.remove(digest)  # the backup's is the last one
        with monkeypatch.context() as patch:
            patch.setattr(target, "read", failing(target.read, 100))
            with pytest.raises(Unavailable, match="flaps"):
                copy_blobs(registry.store, target, blobs, nobody_watches, verify=True)
        assert copy_blobs(registry.store, target, blobs, nobody_watches, verify=True) == []
        assert fault_of(target, digest) is None


def test_files_only_leaves_what_is_damaged_to_a_repair(served, parts, command, tmp_path):
    target, digest = tmp_path / "backups", model_of_b(served)
    command(served, "backup", str(target))
    overwrite(served.data_dir, digest, b"short")
    assert command(served, "restore", str(target), "--files-only")["blobs"] == 0
    command(served, "check", "--repair", status=3)
    assert command(served, "restore", str(target), "--files-only")["blobs"] == 1
    assert command(served, "check", "--deep")["findings"] == []


def test_files_that_the_registry_lost_come_back_from_a_backup(served, parts, command, tmp_path):
    target, digest = tmp_path / "backups", model_of_b(served)
    command(served, "backup", str(target))
    with parts(served) as registry:
        registry.store.remove(digest)
    told = command(served, "backup", str(target), status=3)
    assert list(told["lost"]) == [digest]
    assert command(served, "check", status=3)["findings"]
    back = command(served, "restore", str(target), "--files-only")
    assert (back["blobs"], back["rows"], back["lost"]) == (1, 0, [])
    assert command(served, "check", "--deep")["findings"] == []
    assert command(served, "restore", str(target), "--files-only")["blobs"] == 0


def test_a_store_that_has_nothing_is_not_backed_up(filled, parts, command, refused, tmp_path):
    target = tmp_path / "backups"
    with parts(filled) as registry:
        for blob in list(registry.store.stored()):
            registry.store.remove(blob.digest)
    assert "none of its" in refused(filled, "backup", str(target))
    assert list(target.glob("points/*")) == []


@on_servers
def test_a_bucket_that_is_not_there_has_lost_nothing(filled, refused, tmp_path):
    wrong = s3_server().env("there-is-none")
    for words in (["check"], ["gc"], ["backup", "b"], ["reindex"], ["export", "space", "f"]):
        places = [str(tmp_path / word) if word in ("b", "f") else word for word in words]
        assert "there-is-none" in refused(filled, *places, env=wrong)
    assert list(tmp_path.glob("[bf]")) == []


@on_servers
def test_serve_says_what_is_wrong_with_the_bucket(filled, refused, tmp_path):
    server = s3_server()
    right = server.env(server.create_bucket())
    for name, value in {"BUCKET": "there-is-none", "SECRET_KEY": "wrong"}.items():
        env = right | {f"ESM_SERVER_S3_{name}": value}
        told = refused(filled, "serve", "--port", "0", data_dir=tmp_path / "new", env=env)
        assert "object store" in told


def test_a_repair_tells_where_damaged_files_went(served, command):
    overwrite(served.data_dir, model_of_b(served), b"other bytes")
    done = command(served, "check", "--repair", status=3)
    (path,) = done["set_aside"].values()
    assert Path(path).read_bytes()


def test_misspelt_settings_are_told(filled):
    result = filled.run_command("gc", env={"ESM_SERVER_DATABSE_URL": "x", "ESM_SERVER_PORT": "1"})
    assert (
        result.stderr
        == "warning: ESM_SERVER_DATABSE_URL is no setting; ESM_SERVER_DATABASE_URL is.\n"
    )


def test_migrate_tells_what_it_did(filled, command, tmp_path):
    made = command(filled, "migrate", data_dir=tmp_path / "new")
    assert (made["before"], bool(made["after"])) == (None, True)
    assert command(filled, "migrate", data_dir=tmp_path / "new")["before"] == made["after"]


def test_a_cut_off_export_names_its_file(filled, command, refused, tmp_path):
    file = tmp_path / "space.pack"
    command(filled, "export", "space", str(file))
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    told = refused(filled, "import", str(file))
    assert str(file) in told
    assert "Export the space" in told


def test_files_are_the_registrys_own(filled, command, tmp_path):
    command(filled, "backup", str(tmp_path / "backups"))
    modes = {path.stat().st_mode & 0o077 for path in (tmp_path / "backups").rglob("*")}
    assert modes == {0}
