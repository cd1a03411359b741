"""Bytes that bypass the registry: straight from and to its object store, which is real."""

import os
from pathlib import Path

import pytest
from support.relay import Answer, Relay
from support.s3 import missing
from support.storage import s3_server

from esm_client import Client
from esm_client.core import errors
from esm_client.core.artifact.manifest import digest_bytes
from esm_client.remote.config.settings import resolve_settings
from esm_client.remote.doctor.examine import examine
from esm_client.remote.files import transfer as file_transfer

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("servers")]

MODEL = "/files/model.safetensors"


@pytest.fixture(name="stored")
def _stored(start_registry, start_relay, monkeypatch):
    """A registry with a bucket that clients reach through a relay; and both relays."""
    if (reason := missing()) is not None:
        pytest.skip(reason)
    monkeypatch.setattr(file_transfer, "DIRECT_BYTES", 1)
    server = s3_server()
    bucket = server.create_bucket()
    store = start_relay(server.endpoint)
    store.keep_host = True
    env = server.env(bucket) | {
        "ESM_SERVER_S3_PRESIGN": "true",
        "ESM_SERVER_S3_PUBLIC_ENDPOINT": store.url,
    }
    running = start_registry(env=env)
    store.requests.clear()
    yield running, start_relay(running.url), store
    running.kill()
    server.remove_bucket(bucket)


@pytest.fixture(name="direct")
def _direct(stored):
    running, front, _ = stored
    with Client(front.url, running.write_token) as client:
        yield client


def through(relay: Relay, method: str) -> int:
    """Bytes of files that went over a registry."""
    asked = [one for one in relay.requests if one.method == method]
    return sum(len(one.body) for one in asked if "/blobs/" in one.path)


def test_files_go_straight_to_the_store_and_back(
    direct, stored, esm_directory, namespace, tmp_path, files
):
    running, front, store = stored
    pushed = direct.push(esm_directory(dimension=64), f"{namespace}/esm", space=f"{namespace}-64")
    assert through(front, "PUT") == 0
    digest = pushed.manifest.files["model.safetensors"].sha256
    assert any("/incoming/" in path for path in store.paths("PUT"))
    assert files(direct.pull(f"{namespace}/esm", tmp_path / "out")) == files(tmp_path / "esm")
    assert any(digest.removeprefix("sha256:") in path for path in store.paths("GET"))
    secret = running.write_token
    assert all(secret not in str(one.headers) for one in store.requests), "the token stays here"
    assert all(
        one.headers.get("authorization", "AWS4").startswith("AWS4") for one in store.requests
    )


def test_a_download_goes_on_where_it_broke(
    direct, stored, esm_directory, namespace, tmp_path, files
):
    _, _, store = stored
    direct.push(esm_directory(dimension=64), f"{namespace}/esm", space=f"{namespace}-64")
    cuts = iter([5000])

    def rule(asked, forward):
        answer = forward()
        if asked.method != "GET" or len(answer.body) < 10_000:
            return answer
        return Answer(answer.status, answer.body, answer.headers, cut=next(cuts, None))

    store.rule = rule
    store.requests.clear()
    assert files(direct.pull(f"{namespace}/esm", tmp_path / "out")) == files(tmp_path / "esm")
    ranges = [one.headers.get("range") for one in store.requests if one.method == "GET"]
    assert "bytes=5000-" in ranges


@pytest.mark.parametrize("failure", ["gone", "refuses", "breaks"])
def test_without_the_store_bytes_go_over_the_registry(
    direct, stored, esm_directory, namespace, tmp_path, files, failure
):
    _, front, store = stored
    if failure == "gone":
        store.close()
    elif failure == "refuses":
        store.rule = lambda asked, forward: Answer(403, b"no")
    else:
        store.rule = lambda asked, forward: None
    direct.push(esm_directory(dimension=64), f"{namespace}/esm", space=f"{namespace}-64")
    assert through(front, "PUT") > 0
    assert files(direct.pull(f"{namespace}/esm", tmp_path / "out")) == files(tmp_path / "esm")
    assert not direct._transport.files.store.is_open


def test_changed_bytes_of_the_store_are_refused(direct, stored, esm_directory, namespace, tmp_path):
    _, _, store = stored
    direct.push(esm_directory(dimension=64), f"{namespace}/esm", space=f"{namespace}-64")

    def flip(asked, forward):
        answer = forward()
        body = answer.body
        return answer.with_body(body[:-1] + bytes([body[-1] ^ 1])) if body else answer

    store.rule = flip
    with pytest.raises(errors.DigestMismatch):
        direct.pull(f"{namespace}/esm", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def signed(running, digest: str, size: int):
    with running.client(running.write_token) as client:
        path = f"/v1/namespaces/direct/blobs/{digest}/upload"
        return client.post(path, json={"size": size})


def test_a_signed_upload_takes_no_other_bytes(stored):
    import httpx

    running, _, _ = stored
    content = os.urandom(5000)
    digest = digest_bytes(content)
    put = signed(running, digest, len(content)).json()
    for wrong in (os.urandom(5000), content[:-1], content + b"x"):
        headers = put["headers"] | {"Content-Length": str(len(wrong))}
        assert httpx.put(put["url"], content=wrong, headers=headers, trust_env=False).is_error
    assert running.store.size(digest) is None
    assert httpx.put(
        put["url"], content=content, headers=put["headers"], trust_env=False
    ).is_success


def test_who_may_not_upload_gets_no_address(stored):
    running, _, _ = stored
    digest = digest_bytes(b"x")
    with running.client(running.read_token) as client:
        path = f"/v1/namespaces/direct/blobs/{digest}/upload"
        assert client.post(path, json={"size": 1}).status_code == 403
    assert signed(running, digest, 10**12).json()["code"] == "too-large"
    assert signed(running, "sha256:zz", 1).json()["code"] == "invalid-name"


def test_doctor_tells_which_way_bytes_go(stored, registry):
    running, _, store = stored

    def told(running) -> tuple[str, str]:
        checks = examine(resolve_settings(running.url, running.write_token))
        (found,) = [check for check in checks if check.name == "bytes"]
        return found.state, found.found

    assert told(running) == ("ok", f"large files go straight from and to {store.url}")
    store.close()
    state, found = told(running)
    assert state == "warning"
    assert "over the registry" in found
    assert told(registry) == ("ok", "files go over the registry")


def test_an_unsound_public_address_is_not_given_to_clients(start_registry):
    if (reason := missing()) is not None:
        pytest.skip(reason)
    server = s3_server()
    env = server.env(server.create_bucket()) | {
        "ESM_SERVER_S3_PRESIGN": "true",
        "ESM_SERVER_S3_PUBLIC_ENDPOINT": "http://127.0.0.1:9",
    }
    running = start_registry(env=env)
    assert "signed requests to http://127.0.0.1:9 do not work" in running.log
    with running.client() as client:
        assert client.get("/v1").json()["store"] is None
    assert signed(running, digest_bytes(b"x"), 1).json()["url"] is None


def test_a_source_model_goes_straight_too(direct, stored, esm_directory, namespace, tmp_path):
    import numpy as np
    from safetensors.numpy import save_file

    _, front, _ = stored
    direct.push(esm_directory(), f"{namespace}/esm")
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "config.json").write_text('{"model_type": "bert"}')
    (folder / "tokenizer.json").write_text("{}")
    save_file({"w": np.ones((500, 100), np.float32)}, folder / "model.safetensors")
    seen = []
    direct.push_source_model(
        f"{namespace}/esm", folder, lambda name, done, total: seen.append(done)
    )
    assert through(front, "PUT") == 0
    assert max(seen) > 200_000
    pulled = direct.pull_source_model(f"{namespace}/esm", tmp_path / "pulled")
    name = Path("model.safetensors")
    assert (pulled / name).read_bytes() == (folder / name).read_bytes()
