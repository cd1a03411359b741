"""The cache: nothing is fetched twice, nothing damaged is used, and offline it serves alone."""

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from esm_client import Client
from esm_client.core import errors
from esm_client.remote.cache.cache import Cache


@pytest.fixture(name="pushed")
def _pushed(client, esm_directory, namespace):
    return client.push(esm_directory(), f"{namespace}/esm")


def blob_paths(client: Client, pushed) -> list[Path]:
    return [client.cache.blobs.path(file.sha256) for file in pushed.manifest.files.values()]


class TestFetchedOnce:
    def test_pinned_digest_needs_no_server(
        self, relayed, relay, pushed, namespace, tmp_path, files
    ):
        reference = f"{namespace}/esm@{pushed.digest}"
        first = relayed.pull(reference, tmp_path / "first")
        assert len(relay.requests) == 1 + len(pushed.manifest.files)
        second = relayed.pull(reference, tmp_path / "second")
        assert len(relay.requests) == 1 + len(pushed.manifest.files)
        assert files(first) == files(second)

    def test_latest_asks_which_but_fetches_nothing(
        self, relayed, relay, pushed, namespace, tmp_path
    ):
        relayed.pull(f"{namespace}/esm", tmp_path / "first")
        relay.requests.clear()
        relayed.pull(f"{namespace}/esm", tmp_path / "second")
        assert relay.paths() == [f"/v1/esms/{namespace}/esm/versions/latest"]

    def test_equal_files_of_two_esms_are_shared(
        self, relayed, relay, pushed, esm_directory, namespace, tmp_path
    ):
        relayed.push(tmp_path / "esm", f"{namespace}/copy")
        relayed.pull(f"{namespace}/esm", tmp_path / "first")
        relay.requests.clear()
        relayed.pull(f"{namespace}/copy", tmp_path / "second")
        assert not [path for path in relay.paths() if "/files/" in path]


class TestDamage:
    def test_damaged_blob_is_fetched_again(
        self, relayed, relay, pushed, namespace, tmp_path, files
    ):
        reference = f"{namespace}/esm@{pushed.digest}"
        first = relayed.pull(reference, tmp_path / "first")
        relay.requests.clear()
        blob_paths(relayed, pushed)[1].write_bytes(b"rotten")
        second = relayed.pull(reference, tmp_path / "second")
        assert files(first) == files(second)
        assert len(relay.requests) == 1

    def test_damaged_blob_offline(self, relayed, relay, pushed, namespace, tmp_path):
        relayed.pull(f"{namespace}/esm", tmp_path / "first")
        blob_paths(relayed, pushed)[1].write_bytes(b"rotten")
        with Client(relay.url, offline=True) as offline, pytest.raises(errors.OfflineMiss):
            offline.pull(f"{namespace}/esm", tmp_path / "second")
        assert not (tmp_path / "second").exists()
        assert not list(tmp_path.glob(".second*"))

    @pytest.mark.parametrize("content", [b"", b"{}", b"\xff\xfe"])
    def test_damaged_record_is_asked_for_again(
        self, relayed, relay, pushed, namespace, tmp_path, content
    ):
        relayed.pull(f"{namespace}/esm@{pushed.digest}", tmp_path / "first")
        (record,) = relayed.cache.versions.directory.rglob("1.json")
        record.write_bytes(content)
        relay.requests.clear()
        relayed.pull(f"{namespace}/esm@{pushed.digest}", tmp_path / "second")
        assert len(relay.requests) == 1
        assert len(relayed.cache.ls()) == 1

    def test_edited_record_is_not_believed(self, relayed, relay, pushed, namespace, tmp_path):
        relayed.pull(f"{namespace}/esm", tmp_path / "first")
        (record,) = relayed.cache.versions.directory.rglob("1.json")
        model = pushed.manifest.files["model.safetensors"].sha256
        summary = pushed.manifest.files["summary.safetensors"].sha256
        record.write_text(record.read_text().replace(model, summary))
        with Client(relay.url, offline=True) as offline, pytest.raises(errors.OfflineMiss):
            offline.pull(f"{namespace}/esm", tmp_path / "second")

    def test_editing_a_pulled_file_leaves_the_cache_alone(
        self, relayed, pushed, namespace, tmp_path, files
    ):
        first = relayed.pull(f"{namespace}/esm", tmp_path / "first")
        before = files(first)
        (first / "config.json").write_text("edited")
        assert files(relayed.pull(f"{namespace}/esm", tmp_path / "second")) == before


OFFLINE = """
import socket, sys
def refuse(*arguments, **options):
    raise AssertionError("a socket was opened")
socket.socket.__init__ = socket.socket.connect = socket.getaddrinfo = refuse
from esm_client import Client, EsmError
with Client(sys.argv[1], "token", offline=True) as client:
    for number, reference in enumerate(sys.argv[3:]):
        client.pull(reference, f"{sys.argv[2]}/{number}")
    for call in (client.whoami, client.server_info, lambda: list(client.list()),
                 lambda: client.pull("nobody/nothing"), lambda: client.ranking("x"),
                 lambda: client.push(f"{sys.argv[2]}/0", "a/b")):
        try:
            call()
        except EsmError as error:
            assert error.code == "offline-miss", error
            assert "cache" in str(error), error
        else:
            raise AssertionError("no error")
"""


class TestOffline:
    def test_no_socket_is_opened(self, relayed, relay, pushed, namespace, tmp_path):
        name = f"{namespace}/esm"
        relayed.pull(name, tmp_path / "online")
        subprocess.run(
            [sys.executable, "-c", OFFLINE, relay.url, tmp_path / "offline"]
            + [name, f"{name}@1", f"{name}@{pushed.digest}"],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
            check=True,
        )
        assert len(list((tmp_path / "offline").glob("*/config.json"))) == 3

    def test_latest_is_the_one_last_seen(
        self, client, relayed, relay, pushed, esm_directory, namespace, tmp_path
    ):
        relayed.pull(f"{namespace}/esm", tmp_path / "first")
        client.push(esm_directory("newer", seed=5), f"{namespace}/esm")
        with Client(relay.url, offline=True) as offline:
            assert offline.show(f"{namespace}/esm").version == 1
            with pytest.raises(errors.OfflineMiss, match=f"{namespace}/esm@2 of {relay.url}"):
                offline.pull(f"{namespace}/esm@2", tmp_path / "second")

    def test_pulling_a_number_does_not_make_it_the_latest(
        self, relayed, relay, pushed, namespace, tmp_path
    ):
        relayed.pull(f"{namespace}/esm@1", tmp_path / "first")
        with Client(relay.url, offline=True) as offline, pytest.raises(errors.OfflineMiss):
            offline.show(f"{namespace}/esm")

    def test_another_registry_is_another_name(self, relayed, pushed, namespace, tmp_path):
        relayed.pull(f"{namespace}/esm", tmp_path / "first")
        with Client("http://other.example", offline=True) as other:
            with pytest.raises(errors.OfflineMiss):
                other.pull(f"{namespace}/esm", tmp_path / "second")

    def test_by_environment(self, monkeypatch):
        monkeypatch.setenv("ESM_REGISTRY_OFFLINE", "1")
        with Client("http://registry.example") as client:
            with pytest.raises(errors.OfflineMiss, match="GET /v1/whoami"):
                client.whoami()


class TestVerbs:
    def test_ls_size_clear(self, relayed, relay, pushed, namespace, tmp_path):
        relayed.pull(f"{namespace}/esm", tmp_path / "first")
        (entry,) = relayed.cache.ls()
        assert (entry.reference, entry.digest) == (f"{namespace}/esm@1", pushed.digest)
        assert entry.size == sum(file.size for file in pushed.manifest.files.values())
        assert entry.complete
        assert entry.server == relay.url
        size = relayed.cache.size()
        assert size > entry.size
        assert relayed.cache.clear() == size
        assert relayed.cache.ls() == []
        assert relayed.cache.size() == 0

    def test_clear_leaves_strangers_alone(self, relayed, pushed, namespace, tmp_path):
        relayed.pull(f"{namespace}/esm", tmp_path / "first")
        stranger = relayed.cache.directory / "thesis.txt"
        stranger.write_text("three years of work")
        relayed.cache.clear()
        assert stranger.read_text() == "three years of work"

    def test_prune_drops_what_was_used_longest_ago(
        self, client, esm_directory, namespace, tmp_path
    ):
        for seed in range(3):
            source = esm_directory(f"e{seed}", seed=seed, space_seed=0)
            pushed = client.push(source, f"{namespace}/e{seed}")
            client.pull(f"{namespace}/e{seed}", tmp_path / f"out{seed}")
            for path in blob_paths(client, pushed):
                os.utime(path, (1000 + seed, 1000 + seed))
        model = pushed.manifest.files["model.safetensors"].size
        assert client.cache.prune(client.cache.size() - model) > 0
        kept = [entry.reference for entry in client.cache.ls()]
        assert f"{namespace}/e2@1" in kept
        assert f"{namespace}/e0@1" not in kept

    def test_empty(self, tmp_path):
        cache = Cache(tmp_path / "never-made")
        assert (cache.ls(), cache.size(), cache.clear(), cache.prune(0)) == ([], 0, 0, 0)
        assert not (tmp_path / "never-made").exists()


class TestShared:
    def test_many_pullers_at_once(self, relay, registry, pushed, namespace, tmp_path, files):
        failures: list[BaseException] = []

        def pull(number: int) -> None:
            try:
                with Client(relay.url, registry.read_token) as client:
                    client.pull(f"{namespace}/esm", tmp_path / f"out{number}")
            except BaseException as error:
                failures.append(error)

        threads = [threading.Thread(target=pull, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert failures == []
        assert len({str(files(tmp_path / f"out{number}")) for number in range(8)}) == 1
        assert not [path for path in (tmp_path / "cache").rglob(".*") if path.is_file()]

    @pytest.mark.skipif(os.name != "posix", reason="modes are POSIX's")
    def test_modes_follow_the_umask(self, relayed, pushed, namespace, tmp_path):
        before = os.umask(0o002)
        try:
            target = relayed.pull(f"{namespace}/esm", tmp_path / "out")
        finally:
            os.umask(before)
        for path in [*relayed.cache.directory.rglob("*"), target, *target.iterdir()]:
            assert path.stat().st_mode & 0o777 == (0o775 if path.is_dir() else 0o664), path
