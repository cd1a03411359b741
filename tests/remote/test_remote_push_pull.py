"""Push and pull against a real server."""

import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file
from support.storage import overwrite

from esm_client import Client, EsmArtifact
from esm_client.core import errors


class TestPush:
    def test_round_trip_is_byte_for_byte(self, client, esm_directory, namespace, tmp_path, files):
        source = esm_directory("esm", card="# A card with ümlauts\n")
        version = client.push(source, f"{namespace}/esm")
        assert (version.version, version.reference) == (1, f"{namespace}/esm@1")
        pulled = client.pull(f"{namespace}/esm", tmp_path / "pulled")
        assert files(pulled) == files(source)
        assert EsmArtifact.read(pulled).card == "# A card with ümlauts\n"

    def test_same_content_is_the_same_version(self, relayed, relay, esm_directory, namespace):
        source = esm_directory()
        first = relayed.push(source, f"{namespace}/esm")
        relay.requests.clear()
        assert relayed.push(source, f"{namespace}/esm").digest == first.digest
        assert relay.paths("PUT") == []

    def test_other_content_is_the_next_version(self, client, esm_directory, namespace):
        client.push(esm_directory("a", seed=1), f"{namespace}/esm")
        assert client.push(esm_directory("b", seed=2), f"{namespace}/esm").version == 2

    @pytest.mark.parametrize(
        ("spoil", "expected"),
        [
            (lambda d: (d / "model.bin").write_bytes(b"\x80\x04"), errors.UnsafeFile),
            (lambda d: (d / "config.json").unlink(), errors.InvalidArtifact),
            (lambda d: (d / "config.json").write_text("{"), errors.InvalidArtifact),
            (
                lambda d: save_file(
                    {
                        "model.weight": np.full((16, 16), np.nan, np.float32),
                        "model.bias": np.zeros(16, np.float32),
                    },
                    d / "model.safetensors",
                ),
                errors.InvalidArtifact,
            ),
        ],
        ids=["pickle", "no config", "broken config", "NaN weights"],
    )
    def test_bad_directory_fails_before_a_byte_travels(
        self, relayed, relay, esm_directory, namespace, spoil, expected
    ):
        source = esm_directory()
        spoil(source)
        with pytest.raises(expected):
            relayed.push(source, f"{namespace}/esm")
        assert relay.requests == []

    @pytest.mark.parametrize("name", ["no-slash", "a/b@3", "A/b", "a/..", "a/b/c"])
    def test_bad_name(self, relayed, relay, esm_directory, name):
        with pytest.raises(errors.InvalidName):
            relayed.push(esm_directory(), name)
        assert relay.requests == []

    def test_wrong_space(self, client, esm_directory, namespace):
        space = f"{namespace}-space"
        client.push(esm_directory("a", base_model=f"org/{space}"), f"{namespace}/a", space=space)
        other = esm_directory("b", base_model=f"org/{space}", space_seed=9)
        with pytest.raises(errors.SpaceMismatch, match="canary sentence 0 has cosine"):
            client.push(other, f"{namespace}/b", space=space)

    def test_read_token_cannot_push(self, registry, esm_directory, namespace):
        with Client(registry.url, registry.read_token) as client:
            with pytest.raises(errors.Forbidden, match="scope 'read'"):
                client.push(esm_directory(), f"{namespace}/esm")

    def test_unknown_token(self, registry):
        with Client(registry.url, "wrong") as client, pytest.raises(errors.Unauthorized) as caught:
            client.whoami()
        assert caught.value.hint
        assert caught.value.request_id


class TestPull:
    @pytest.fixture(name="versions")
    def _versions(self, client, esm_directory, namespace):
        return [
            client.push(esm_directory(f"v{seed}", seed=seed), f"{namespace}/esm") for seed in (1, 2)
        ]

    def test_selectors(self, client, versions, namespace, tmp_path):
        first, second = versions
        for number, (selector, expected) in enumerate(
            [("", second), ("@1", first), ("@latest", second), (f"@{first.digest}", first)]
        ):
            pulled = client.pull(f"{namespace}/esm{selector}", tmp_path / str(number))
            config = (pulled / "config.json").read_bytes()
            assert f'"seed": {expected.task.seed}'.encode() in config

    def test_default_destination(self, client, versions, namespace, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        assert client.pull(f"{namespace}/esm") == Path("esm")
        assert (tmp_path / "esm" / "config.json").is_file()

    def test_identical_destination_is_left_alone(self, client, versions, namespace, tmp_path):
        target = client.pull(f"{namespace}/esm", tmp_path / "out")
        (target / "notes.txt").write_text("mine")
        assert client.pull(f"{namespace}/esm", target) == target
        assert (target / "notes.txt").read_text() == "mine"

    def test_other_content_is_never_overwritten(self, client, versions, namespace, tmp_path, files):
        target = client.pull(f"{namespace}/esm@1", tmp_path / "out")
        before = files(target)
        with pytest.raises(errors.Conflict, match="holds something else"):
            client.pull(f"{namespace}/esm@2", target)
        assert files(target) == before

    def test_file_in_the_way(self, client, versions, namespace, tmp_path):
        (tmp_path / "out").write_text("a file")
        with pytest.raises(errors.Conflict):
            client.pull(f"{namespace}/esm", tmp_path / "out")

    def test_empty_directory_is_filled(self, client, versions, namespace, tmp_path):
        (tmp_path / "out").mkdir()
        assert EsmArtifact.read(client.pull(f"{namespace}/esm", tmp_path / "out"))

    def test_current_directory_is_refused(self, client, versions, namespace, tmp_path, monkeypatch):
        (tmp_path / "here").mkdir()
        monkeypatch.chdir(tmp_path / "here")
        with pytest.raises(errors.Conflict, match="current directory"):
            client.pull(f"{namespace}/esm", ".")

    @pytest.mark.parametrize("reference", ["nobody/nothing", "nobody/nothing@7"])
    def test_unknown_reference(self, client, tmp_path, reference):
        with pytest.raises(errors.NotFound):
            client.pull(reference, tmp_path / "out")
        assert not (tmp_path / "out").exists()

    def test_destination_that_cannot_be_written(self, client, versions, namespace, tmp_path):
        (tmp_path / "file").write_text("")
        with pytest.raises(errors.InvalidInput, match="cannot be used"):
            client.pull(f"{namespace}/esm", tmp_path / "file" / "out")


class TestReading:
    def test_list_goes_through_all_pages(self, registry, client, esm_directory, namespace, relay):
        space = f"{namespace}-space"
        for seed in range(3):
            source = esm_directory(f"e{seed}", seed=seed)
            client.push(source, f"{namespace}/e{seed}", space=space)

        def small_pages(asked, forward):
            joint = "&" if "?" in asked.path else "?"
            return relay.forward(
                type(asked)(asked.method, f"{asked.path}{joint}limit=2", asked.headers, b"")
            )

        relay.rule = small_pages
        with Client(relay.url, registry.read_token) as reader:
            names = [esm.name for esm in reader.list(space)]
            assert space in [one.name for one in reader.spaces()]
        assert names == ["e0", "e1", "e2"]
        assert len([path for path in relay.paths() if path.startswith("/v1/esms")]) == 2

    def test_show_space_whoami_and_info(self, client, esm_directory, namespace):
        pushed = client.push(esm_directory(), f"{namespace}/esm", space=f"{namespace}-space")
        assert client.show(f"{namespace}/esm") == pushed
        assert client.space(f"{namespace}-space").identity.dimension == 16
        assert client.whoami().scope == "write"
        assert client.server_info().service == "esm-registry"

    def test_unknown_space(self, client):
        with pytest.raises(errors.NotFound):
            client.space("no-such-space")
        with pytest.raises(errors.InvalidName):
            client.space("../../etc")


class TestAnswersOfAStranger:
    @pytest.mark.parametrize(
        "changed", [{"namespace": "/tmp/x"}, {"name": "../x"}, {"name": "other"}, {"version": 9}]
    )
    def test_another_version_than_asked_for_is_refused(
        self, client, registry, esm_directory, namespace, start_relay, tmp_path, changed
    ):
        client.push(esm_directory(), f"{namespace}/esm")
        relay = start_relay(registry.url)

        def lie(asked, forward):
            answer = forward()
            if "/versions/" not in asked.path:
                return answer
            return answer.with_body(json.dumps(json.loads(answer.body) | changed).encode())

        relay.rule = lie
        with Client(relay.url, registry.read_token) as fooled, pytest.raises(errors.EsmError):
            fooled.pull(f"{namespace}/esm@1", tmp_path / "out")
        assert not (tmp_path / "out").exists()
        assert list((tmp_path / "cache").rglob("*.json")) == []


class TestRepair:
    @pytest.mark.parametrize("damage", [b"short", None], ids=["truncated", "changed"])
    def test_a_push_mends_a_damaged_blob(
        self, client, registry, esm_directory, namespace, tmp_path, damage
    ):
        directory = esm_directory(seed=4711)
        pushed = client.push(directory, f"{namespace}/esm")
        entry = pushed.manifest.files["model.safetensors"]
        whole = (directory / "model.safetensors").read_bytes()
        spoilt = damage or whole[:-1] + bytes([whole[-1] ^ 1])
        overwrite(registry.data_dir, entry.sha256, spoilt)
        client.push(directory, f"{namespace}/esm")
        assert b"".join(registry.store.read(entry.sha256, 0, entry.size)) == whole
        assert client.pull(f"{namespace}/esm", tmp_path / "out").is_dir()
