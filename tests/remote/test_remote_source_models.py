"""Source models whose way is disturbed: by another pull, and by an upload that does not end."""

import http.client
import time
from urllib.parse import urlsplit

import numpy as np
import pytest
from safetensors.numpy import save_file
from support.relay import Answer

from esm_client.core import errors
from esm_client.core.artifact.manifest import digest_bytes, digest_file
from esm_client.core.schemas.contract import Problem
from esm_client.remote.files.part_file import PartFile
from esm_client.remote.publishing import source_models

WEIGHTS = "/source-model/files/model.safetensors"


@pytest.fixture(name="model")
def _model(tmp_path):
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "config.json").write_text('{"model_type": "bert"}')
    weights = np.random.default_rng().integers(0, 255, 8 * 2**20, dtype=np.uint8)  # new ones
    save_file({"weights": weights}, folder / "model.safetensors")
    return folder


@pytest.fixture(name="reference")
def _reference(client, esm_directory, namespace):
    client.push(esm_directory(), f"{namespace}/esm", space=namespace)
    return f"{namespace}/esm"


@pytest.fixture(name="attached")
def _attached(client, reference, model):
    client.push_source_model(reference, model)
    return reference


class TestTwoPulls:
    def test_of_one_target_never_write_to_one_file(
        self, relayed, relay, client, attached, model, tmp_path, files
    ):
        pytest.importorskip("fcntl")
        second = []

        def rule(asked, forward):
            if asked.path.endswith(WEIGHTS):  # the first pull waits for it here
                try:
                    client.pull_source_model(attached, tmp_path / "out")
                except errors.EsmError as error:
                    second.append(error)
            return forward()

        relay.rule = rule
        pulled = relayed.pull_source_model(attached, tmp_path / "out")
        assert files(pulled) == files(model)
        (refused,) = second
        assert isinstance(refused, errors.Conflict)
        assert "is being pulled by another process" in refused.message

    def test_without_locks_a_mixed_file_is_not_called_sound(self, tmp_path):
        path = tmp_path / "part"
        with path.open("ab") as one, path.open("ab") as other:
            with PartFile(one) as first, PartFile(other) as second:
                first.write(b"all of it")
                assert first.digest() == digest_bytes(b"all of it")
                second.write(b"all of it")
                second.flush()
                for part in (first, second):
                    assert part.digest() == digest_bytes(b"all of it" * 2)


def test_what_arrived_damaged_is_pulled_anew(relayed, relay, attached, model, tmp_path, files):
    def flip(asked, forward):
        answer = forward()
        if not asked.path.endswith(WEIGHTS):
            return answer
        return answer.with_body(answer.body[:-1] + bytes([answer.body[-1] ^ 1]))

    relay.rule = flip
    with pytest.raises(errors.DigestMismatch, match=r"model.safetensors of .* arrived with"):
        relayed.pull_source_model(attached, tmp_path / "out")
    assert not (tmp_path / "out").exists()
    relay.rule = lambda asked, forward: forward()
    assert files(relayed.pull_source_model(attached, tmp_path / "out")) == files(model)


def test_files_that_count_no_more_when_they_are_attached_are_sent_again(
    registry, relayed, relay, reference, model, namespace
):
    attached = []

    def rule(asked, forward):
        if asked.method == "PUT" and asked.path.endswith("/source-model"):
            attached.append(asked.path)
            if len(attached) == 1:  # so long did the others take
                old = "UPDATE uploads SET ended_at = '2020-01-01 00:00:00' WHERE namespace = :name"
                registry.query(old, name=namespace)
        return forward()

    relay.rule = rule
    assert relayed.push_source_model(reference, model).source_model is not None
    assert len(attached) == 2
    assert len([path for path in relay.paths("PUT") if "/blobs/" in path]) == 4


def sends_weights(asked, model):
    return asked.method == "PUT" and asked.path.endswith(digest_file(model / "model.safetensors"))


class TestBusyUpload:
    @pytest.fixture(name="begin")
    def _begin(self, registry, model, namespace):
        """begin(): half of an upload of the weights, of which the rest does not come."""
        weights = model / "model.safetensors"
        content = weights.read_bytes()
        path = f"/v1/namespaces/{namespace}/blobs/{digest_file(weights)}"
        begun = []

        def begin():
            address = urlsplit(registry.url)
            connection = http.client.HTTPConnection(address.hostname, address.port)
            begun.append(connection)
            connection.putrequest("PUT", path)
            connection.putheader("Authorization", f"Bearer {registry.write_token}")
            connection.putheader("Content-Length", str(len(content)))
            size = len(content)
            connection.putheader("Content-Range", f"bytes 0-{size - 1}/{size}")
            connection.endheaders(content[: size // 2])
            deadline = time.monotonic() + 60
            with registry.client(registry.write_token) as client:
                while client.head(path).headers.get("Upload-Offset", "0") == "0":
                    assert time.monotonic() < deadline, "nothing arrived"
                    time.sleep(0.02)
            return connection

        yield begin
        for connection in begun:
            connection.close()

    def test_is_waited_for_after_a_break(
        self, relayed, relay, reference, model, begin, monkeypatch
    ):
        monkeypatch.setattr(source_models, "BUSY_PAUSE", 0.05)
        begun, statuses = [], []

        def rule(asked, forward):
            if not sends_weights(asked, model):
                return forward()
            if not begun:  # the client's connection breaks, and the server does not notice
                begun.append(begin())
                return None
            answer = forward()
            statuses.append(answer.status)
            if answer.status == 409:
                begun[0].close()
            return answer

        relay.rule = rule
        assert relayed.push_source_model(reference, model).source_model is not None
        assert statuses[0] == 409

    def test_the_server_may_notice_a_break_first(self, relayed, relay, reference, model):
        broken = Problem.of(errors.TruncatedUpload("It broke.", "Again.")).model_dump_json()
        told = Answer(400, b"", {"content-type": "application/problem+json"})
        answers = [told.with_body(broken.encode())] * 2

        def rule(asked, forward):
            return answers.pop() if sends_weights(asked, model) and answers else forward()

        relay.rule = rule
        assert relayed.push_source_model(reference, model).source_model is not None
        assert answers == []

    def test_is_somebody_elses_without_a_break(self, client, reference, model, begin):
        begin()
        with pytest.raises(errors.Conflict, match="is being uploaded by you at this moment"):
            client.push_source_model(reference, model)

    def test_is_not_waited_for_for_ever(self, relayed, relay, reference, model, begin, monkeypatch):
        monkeypatch.setattr(source_models, "BUSY_SECONDS", 0.0)
        begun = []

        def rule(asked, forward):
            if sends_weights(asked, model) and not begun:
                begun.append(begin())
                return None
            return forward()

        relay.rule = rule
        with pytest.raises(errors.Conflict, match="is being uploaded by you at this moment"):
            relayed.push_source_model(reference, model)
