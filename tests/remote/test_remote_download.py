"""Downloads that break, lie or are tampered with on the way."""

import json

import pytest
from support.relay import Answer

from esm_client import Client
from esm_client.core import errors

MODEL = "/files/model.safetensors"


@pytest.fixture(name="pushed")
def _pushed(client, esm_directory, namespace):
    return client.push(esm_directory(dimension=64), f"{namespace}/esm", space=f"{namespace}-64")


def file_requests(relay):
    return [asked for asked in relay.requests if asked.path.endswith(MODEL)]


class TestBroken:
    def test_goes_on_where_the_connection_broke(
        self, relayed, relay, pushed, namespace, tmp_path, files
    ):
        cuts = iter([5000, 4000])

        def rule(asked, forward):
            answer = forward()
            if not asked.path.endswith(MODEL):
                return answer
            return Answer(answer.status, answer.body, answer.headers, cut=next(cuts, None))

        relay.rule = rule
        pulled = relayed.pull(f"{namespace}/esm", tmp_path / "out")
        assert files(pulled) == files(tmp_path / "esm")
        ranges = [asked.headers.get("range") for asked in file_requests(relay)]
        assert ranges == [None, "bytes=5000-", "bytes=9000-"]

    def test_a_try_that_brings_bytes_is_not_the_last(
        self, relayed, relay, pushed, namespace, tmp_path, files
    ):
        cuts = iter([0, 0, 3000])

        def rule(asked, forward):
            answer = forward()
            if not asked.path.endswith(MODEL):
                return answer
            return Answer(answer.status, answer.body, answer.headers, cut=next(cuts, None))

        relay.rule = rule
        assert files(relayed.pull(f"{namespace}/esm", tmp_path / "out")) == files(tmp_path / "esm")
        ranges = [asked.headers.get("range") for asked in file_requests(relay)]
        assert ranges == [None, None, None, "bytes=3000-"]

    def test_next_client_goes_on_too(self, relay, registry, pushed, namespace, tmp_path, files):
        broken = [0]

        def break_for_good(asked, forward):
            if not asked.path.endswith(MODEL):
                return forward()
            broken[0] += 1
            if broken[0] > 1:
                return None
            answer = forward()
            return Answer(answer.status, answer.body, answer.headers, cut=6000)

        relay.rule = break_for_good
        with Client(relay.url, registry.read_token, patience=0) as first:
            with pytest.raises(errors.ConnectionFailed, match=f"connection to {relay.url} broke"):
                first.pull(f"{namespace}/esm", tmp_path / "out")
        assert not (tmp_path / "out").exists()
        assert not list(tmp_path.glob(".out*"))
        relay.rule = lambda asked, forward: forward()
        relay.requests.clear()
        with Client(relay.url, registry.read_token) as second:
            pulled = second.pull(f"{namespace}/esm", tmp_path / "out")
        assert [asked.headers.get("range") for asked in file_requests(relay)] == ["bytes=6000-"]
        assert files(pulled) == files(tmp_path / "esm")

    def test_server_without_ranges_starts_again(
        self, relayed, relay, pushed, namespace, tmp_path, files
    ):
        cuts = iter([5000])

        def rule(asked, forward):
            asked.headers.pop("range", None)
            answer = relay.forward(asked)
            if not asked.path.endswith(MODEL):
                return answer
            return Answer(answer.status, answer.body, answer.headers, cut=next(cuts, None))

        relay.rule = rule
        assert files(relayed.pull(f"{namespace}/esm", tmp_path / "out")) == files(tmp_path / "esm")

    def test_damaged_partial_download_is_started_again(
        self, relayed, relay, pushed, namespace, tmp_path, files
    ):
        blob = relayed.cache.blobs.path(pushed.manifest.files["model.safetensors"].sha256)
        blob.parent.mkdir(parents=True)
        blob.with_name(f".{blob.name}.part").write_bytes(b"not the beginning of this file")
        assert files(relayed.pull(f"{namespace}/esm", tmp_path / "out")) == files(tmp_path / "esm")
        assert len(file_requests(relay)) == 2


class TestTampered:
    def test_changed_bytes_are_refused(self, relayed, relay, pushed, namespace, tmp_path, files):
        def flip(asked, forward):
            answer = forward()
            if not asked.path.endswith(MODEL):
                return answer
            return answer.with_body(answer.body[:-1] + bytes([answer.body[-1] ^ 1]))

        relay.rule = flip
        with pytest.raises(errors.DigestMismatch, match=r"model.safetensors of .* arrived with"):
            relayed.pull(f"{namespace}/esm", tmp_path / "out")
        assert not (tmp_path / "out").exists()
        relay.rule = lambda asked, forward: forward()
        assert files(relayed.pull(f"{namespace}/esm", tmp_path / "out")) == files(tmp_path / "esm")

    @pytest.mark.parametrize("change", [lambda body: body + b"x" * 10**6, lambda body: body[:100]])
    def test_wrong_length_is_refused(self, relayed, relay, pushed, namespace, tmp_path, change):
        def stretch(asked, forward):
            asked.headers.pop("range", None)
            answer = forward()
            return answer.with_body(change(answer.body)) if asked.path.endswith(MODEL) else answer

        relay.rule = stretch
        with pytest.raises((errors.DigestMismatch, errors.NotOurServer)):
            relayed.pull(f"{namespace}/esm", tmp_path / "out")
        assert not (tmp_path / "out").exists()

    def test_another_manifest_under_a_pinned_digest(
        self, relayed, relay, pushed, esm_directory, namespace, tmp_path, client
    ):
        other = client.push(esm_directory("other", seed=8), f"{namespace}/other")

        def swap(asked, forward):
            return Answer(200, other.model_dump_json().encode())

        relay.rule = swap
        with pytest.raises(errors.DigestMismatch):
            relayed.pull(f"{namespace}/esm@{pushed.digest}", tmp_path / "out")

    def test_manifest_that_is_not_its_digest(self, relayed, relay, pushed, namespace, tmp_path):
        def lie(asked, forward):
            answer = forward()
            document = json.loads(answer.body)
            document["manifest"]["files"]["config.json"]["size"] += 1
            return answer.with_body(json.dumps(document).encode())

        relay.rule = lie
        with pytest.raises(errors.DigestMismatch, match="which is not its digest"):
            relayed.pull(f"{namespace}/esm", tmp_path / "out")

    @pytest.mark.parametrize("name", ["../../evil", "/etc/evil", "evil.pkl", "run.py"])
    def test_file_names_of_a_hostile_server(
        self, relayed, relay, pushed, namespace, tmp_path, name
    ):
        from esm_client.core.artifact.manifest import manifest_digest
        from esm_client.core.schemas import FileEntry, Manifest

        files = {**pushed.manifest.files, name: FileEntry(sha256=pushed.digest, size=1)}
        manifest = Manifest(files=files)
        hostile = pushed.model_copy(
            update={"manifest": manifest, "digest": manifest_digest(manifest)}
        )
        relay.rule = lambda asked, forward: Answer(200, hostile.model_dump_json().encode())
        with pytest.raises(errors.InvalidArtifact):
            relayed.pull(f"{namespace}/esm", tmp_path / "out")
        assert not (tmp_path / "out").exists()
