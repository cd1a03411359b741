"""Downloading files: ranges, entity tags, HEAD."""

import pytest

from esm_client.core.artifact.manifest import digest_bytes


@pytest.fixture(name="file", scope="module")
def _file(registry, tmp_path_factory):
    """One published file: its path on the server and its bytes."""
    import numpy as np

    from esm_client.core.artifact.config import EsmConfig  # a module-wide ESM, not per test
    from esm_client.core.schemas import SourceTask
    from esm_client.core.spaces import CANARIES, SpaceFingerprint, SpaceIdentity
    from esm_client.core.tensors import dump_tensors

    identity = SpaceIdentity(base_model="range-tests", pooling="mean", dimension=4)
    config = EsmConfig(
        base_model="range-tests", task=SourceTask(data_set="d"), dimension=4, space=identity
    )
    model = dump_tensors({"model.weight": 2 * np.eye(4), "model.bias": np.zeros(4)})
    fingerprint = SpaceFingerprint(identity=identity, canaries=((1.0,) * 4,) * len(CANARIES))
    files = {"config.json": config.to_json(), "model.safetensors": model}
    with registry.client(registry.write_token) as client:
        for content in files.values():
            client.put(
                f"/v1/namespaces/range-tests/blobs/{digest_bytes(content)}", content=content
            ).raise_for_status()
        manifest = {
            "files": {
                name: {"sha256": digest_bytes(content), "size": len(content)}
                for name, content in files.items()
            }
        }
        body = {"manifest": manifest, "fingerprint": fingerprint.model_dump(mode="json")}
        client.post("/v1/esms/range-tests/a/versions", json=body).raise_for_status()
    return "/v1/esms/range-tests/a/versions/1/files/model.safetensors", model


@pytest.fixture(name="client")
def _client(registry):
    with registry.client(registry.read_token) as client:
        yield client


def test_whole_file(client, file):
    path, content = file
    response = client.get(path)
    assert response.status_code == 200
    assert response.content == content
    assert response.headers["content-length"] == str(len(content))
    assert response.headers["etag"] == f'"{digest_bytes(content)}"'
    assert response.headers["accept-ranges"] == "bytes"
    assert response.headers["content-type"] == "application/octet-stream"


def test_head(client, file):
    path, content = file
    response = client.head(path)
    assert response.status_code == 200
    assert response.content == b""
    assert response.headers["content-length"] == str(len(content))
    assert response.headers["etag"] == f'"{digest_bytes(content)}"'
    assert client.head(path + "-not").status_code == 404


@pytest.mark.parametrize(
    ("asked", "start", "stop"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=0-9", 0, 10),
        ("bytes=10-19", 10, 20),
        ("bytes=10-", 10, None),
        ("bytes=-7", -7, None),
        ("bytes=-999999", 0, None),
        ("bytes=5-999999", 5, None),
        ("BYTES=0-9", 0, 10),
    ],
)
def test_partial_content(client, file, asked, start, stop):
    path, content = file
    response = client.get(path, headers={"Range": asked})
    expected = content[start:stop]
    first = content.index(expected) if start >= 0 else len(content) + start
    first = start if start >= 0 else first
    assert response.status_code == 206
    assert response.content == expected
    assert response.headers["content-length"] == str(len(expected))
    last = first + len(expected) - 1
    assert response.headers["content-range"] == f"bytes {first}-{last}/{len(content)}"


@pytest.mark.parametrize(
    "asked",
    ["bytes=9-5", "bytes=-", "bytes=a-b", "items=0-5", "bytes=0-1,3-4", "0-5", "bytes=--5"],
)
def test_what_is_no_single_range_gets_the_whole_file(client, file, asked):
    path, content = file
    response = client.get(path, headers={"Range": asked})
    assert response.status_code == 200
    assert response.content == content


@pytest.mark.parametrize("asked", ["bytes=100000-", "bytes=100000-100005", "bytes=-0"])
def test_unsatisfiable_range(client, file, problem, asked):
    path, content = file
    response = client.get(path, headers={"Range": asked})
    problem(response, 416, "range-not-satisfiable")
    assert response.headers["content-range"] == f"bytes */{len(content)}"


def test_if_range(client, file):
    path, content = file
    etag = f'"{digest_bytes(content)}"'
    for condition, status in (
        (etag, 206),
        ('"sha256:other"', 200),
        (f"W/{etag}", 200),  # a weak tag never matches here
        ("Fri, 20 Nov 2026 22:00:00 GMT", 200),
    ):
        headers = {"Range": "bytes=0-4", "If-Range": condition}
        assert client.get(path, headers=headers).status_code == status, condition


def test_if_none_match(client, file):
    path, content = file
    etag = f'"{digest_bytes(content)}"'
    for condition, status in (
        (etag, 304),
        (f"W/{etag}", 304),
        (f'"a", {etag}', 304),
        ("*", 304),
        ('"a", "b"', 200),
    ):
        response = client.get(path, headers={"If-None-Match": condition})
        assert response.status_code == status, condition
        assert response.headers["etag"] == etag
        assert response.content == (b"" if status == 304 else content)


def test_known_file_wins_over_range(client, file):
    path, content = file
    headers = {"Range": "bytes=100000-", "If-None-Match": f'"{digest_bytes(content)}"'}
    assert client.get(path, headers=headers).status_code == 304


def test_unknown_file(client, file, problem):
    shown = problem(client.get(file[0] + "-not"), 404, "not-found")
    assert "config.json, model.safetensors" in shown["hint"]


def test_lost_blob_is_not_a_short_answer(start_registry, push, esm_directory, problem):
    running = start_registry()
    push(esm_directory("lost"), "n/lost", server=running).raise_for_status()
    for blob in list(running.store.stored()):
        running.store.remove(blob.digest)
    with running.client(running.read_token) as client:
        response = client.get("/v1/esms/n/lost/versions/1/files/model.safetensors")
        problem(response, 503, "unavailable")
    push(esm_directory("lost2", data_set="test/lost"), "n/lost", server=running)
    with running.client(running.read_token) as client:
        path = "/v1/esms/n/lost/versions/1/files/model.safetensors"
        assert client.get(path).status_code == 200
