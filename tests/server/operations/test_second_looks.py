"""What looks damaged once need not be: nothing sound is removed, and what is damaged is mended."""

import hashlib

import pytest

from esm_server.operations.setting_aside import set_aside
from esm_server.storage.blob_cache import BlobCache


def file_of(filled):
    """The digest of some file of n/b."""
    with filled.client(filled.read_token) as client:
        files = client.get("/v1/esms/n/b/versions/1").json()["manifest"]["files"]
    return files["model.safetensors"]["sha256"]


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
    digest = file_of(filled)
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


@pytest.mark.parametrize("words", [["check"], ["gc"], ["scrub"], ["backup", "somewhere"]])
def test_a_database_that_cannot_be_had(filled, words):
    urls = {"nonsense": "cannot be read", "postgresql://a:b@127.0.0.1:9/c": "cannot be used"}
    for url, told in urls.items():
        result = filled.run_command(*words, env={"ESM_SERVER_DATABASE_URL": url})
        assert result.returncode == 1
        assert told in result.stderr
        assert len(result.stderr.splitlines()) == 2, result.stderr


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
