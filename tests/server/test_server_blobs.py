"""Uploads: verified while they stream, whole or not at all."""

import hashlib
import os
import socket
import subprocess
from contextlib import suppress

import httpx
import pytest
from support.databases import CHOSEN
from support.waiting import until

from esm_client.core.artifact.directory import directory_manifest
from esm_client.core.artifact.manifest import digest_bytes


def leftovers(registry):
    return list(registry.store.spool.glob("*.tmp"))  # what nobody can go on with


def stored(registry, digest):
    return registry.store.size(digest) is not None


@pytest.fixture(name="client")
def _client(registry):
    with registry.client(registry.write_token) as client:
        yield client


def test_upload_is_stored_once(registry, client):
    content = os.urandom(3_000_000)
    path = f"/v1/namespaces/blob-tests/blobs/{digest_bytes(content)}"
    assert client.head(path).status_code == 404
    assert client.put(path, content=content).status_code == 201
    assert client.put(path, content=content).status_code == 200
    head = client.head(path)
    assert head.status_code == 200
    assert head.headers["content-length"] == "3000000"
    assert leftovers(registry) == []


def test_empty_blob(client):
    assert client.put(
        f"/v1/namespaces/blob-tests/blobs/{digest_bytes(b'')}", content=b""
    ).status_code in (200, 201)


def test_upload_without_a_length(client):
    content = os.urandom(2_500_000)
    pieces = (content[start : start + 10_000] for start in range(0, len(content), 10_000))
    response = client.put(
        f"/v1/namespaces/blob-tests/blobs/{digest_bytes(content)}", content=pieces
    )
    assert response.status_code == 201


def test_other_bytes_are_refused(registry, client, problem):
    digest = "sha256:" + hashlib.sha256(b"what was meant").hexdigest()
    response = client.put(f"/v1/namespaces/blob-tests/blobs/{digest}", content=b"what came")
    assert digest in problem(response, 400, "digest-mismatch")["detail"]
    assert not stored(registry, digest)
    assert leftovers(registry) == []


def raw_put(registry, digest, announced, content):
    """A PUT over a bare socket, which can break off where httpx would not."""
    url = httpx.URL(registry.url)
    connection = socket.create_connection((url.host, url.port), timeout=20)
    head = (
        f"PUT /v1/namespaces/blob-tests/blobs/{digest} HTTP/1.1\r\nHost: {url.host}\r\n"
        f"Authorization: Bearer {registry.write_token}\r\nContent-Length: {announced}\r\n\r\n"
    )
    connection.sendall(head.encode() + content)
    return connection


def test_truncated_upload(registry):
    content = os.urandom(1000)
    digest = digest_bytes(content)
    with raw_put(registry, digest, len(content), content[:-1]) as connection:
        connection.shutdown(socket.SHUT_WR)
        answer = connection.recv(10_000).decode()
    assert answer.startswith("HTTP/1.1 400")
    assert '"code":"truncated-upload"' in answer
    assert not stored(registry, digest)
    assert leftovers(registry) == []


def test_aborted_upload_leaves_nothing(registry):
    content = os.urandom(4_000_000)
    digest = digest_bytes(content)
    connection = raw_put(registry, digest, len(content), content[:3_000_000])
    until(lambda: leftovers(registry))  # it has begun to be written
    connection.close()
    until(lambda: not leftovers(registry))
    assert not stored(registry, digest)


def test_oversized_upload(start_registry, problem):
    running = start_registry(env={"ESM_SERVER_MAX_BLOB_BYTES": "1000"})
    content = os.urandom(1001)
    path = f"/v1/namespaces/blob-tests/blobs/{digest_bytes(content)}"
    with running.client(running.write_token) as client:
        announced = client.put(path, content=content)
        streamed = client.put(path, content=iter([content]))
        assert client.put(
            f"/v1/namespaces/blob-tests/blobs/{digest_bytes(content[:-1])}", content=content[:-1]
        )
    for response in (announced, streamed):
        assert "1000" in problem(response, 413, "too-large")["detail"]
    assert leftovers(running) == []


@pytest.fixture(name="small_disk")
def _small_disk(tmp_path):
    """A real file system with little room."""
    mount = tmp_path / "small"
    mount.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(mount)]
    if os.geteuid() != 0 or subprocess.run(command, capture_output=True).returncode != 0:
        pytest.skip("mounting a small file system needs root")
    yield mount
    subprocess.run(["umount", "--lazy", str(mount)], check=True)


def test_full_disk(small_disk, start_registry, problem):
    """507, nothing left of the upload, and the server goes on."""
    running = start_registry(small_disk)
    large, small = os.urandom(6_000_000), os.urandom(1000)
    with running.client(running.write_token) as client:
        response = client.put(
            f"/v1/namespaces/blob-tests/blobs/{digest_bytes(large)}", content=large
        )
        assert "full" in problem(response, 507, "storage-full")["detail"]
        assert leftovers(running) == []
        assert (
            client.put(
                f"/v1/namespaces/blob-tests/blobs/{digest_bytes(small)}", content=small
            ).status_code
            == 201
        )
        assert client.get("/health/ready").status_code == 200
        fill(small_disk)
        problem(client.get("/health/ready"), 507, "storage-full")
        response = client.put(
            f"/v1/namespaces/blob-tests/blobs/{digest_bytes(b'more')}", content=b"more"
        )
        problem(response, 507, "storage-full")
        assert client.get("/v1/esms").status_code == 200


def fill(directory):
    with (directory / "filler").open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(bytes(4096))


@pytest.mark.skipif(CHOSEN != "sqlite", reason="the database lies on another disk")
def test_full_disk_refuses_a_publish(small_disk, start_registry, push, esm_directory, problem):
    running = start_registry(small_disk)
    assert push(esm_directory("a"), "n/a", server=running).status_code == 201
    with running.client(running.write_token) as client:
        manifest, _ = directory_manifest(esm_directory("a2", seed=0, data_set="test/a"))
        fill(small_disk)
        body = {"manifest": manifest.model_dump(mode="json"), "space": "tiny-bert-mean-128"}
        body["card"] = "x" * 200_000
        problem(client.post("/v1/esms/n/b/versions", json=body), 507, "storage-full")
        problem(client.get("/v1/esms/n/b"), 404, "not-found")
        (small_disk / "filler").unlink()
        assert client.post("/v1/esms/n/b/versions", json=body).status_code == 201


def test_start_sweeps_what_a_killed_server_left(start_registry):
    running = start_registry()
    content = os.urandom(4_000_000)
    with raw_put(running, digest_bytes(content), len(content), content[:3_000_000]):
        until(lambda: leftovers(running))
        running.kill()
    assert leftovers(running)
    assert leftovers(start_registry(running.data_dir)) == []


@pytest.mark.parametrize("size", [1, 5_000_000, 40_000_000])
def test_refused_upload_still_gets_its_answer(registry, problem, size):
    """The server has not read the body when it refuses; the connection must survive that."""
    content = bytes(size)
    with registry.client(registry.read_token) as client:
        for _ in range(3):
            response = client.put(
                f"/v1/namespaces/blob-tests/blobs/{digest_bytes(content)}", content=content
            )
            problem(response, 403, "forbidden")
