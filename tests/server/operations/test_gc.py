"""`gc` removes what nothing names, and nothing else, whatever goes on beside it."""

import os
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Event, Semaphore

import pytest
from support.artifacts import answered
from support.storage import IN_BUCKET
from support.waiting import until

from esm_client import Client
from esm_client.core.artifact.manifest import digest_bytes
from esm_client.remote.resources.blobs import BlobResource
from esm_server.db.columns import now
from esm_server.operations.gc import sweep
from esm_server.possession.repository import SWEPT


def push_until_taken(push, directory, path, server):
    """A client whose blobs were swept between upload and commit pushes again."""

    def once():
        answer = answered(lambda: push(directory, path, server=server, space="space"))
        if answer.status_code == 201:
            return answer.json()["digest"]
        assert answer.status_code == 404, answer.text
        assert "again" in answer.text
        return None

    return until(once)


def test_beside_eight_pushers(served, parts, push, esm_directory, command):
    """Each push that came through sets off a sweep in the midst of the others: none starves."""
    folders = [esm_directory(f"p{seed}", seed=100 + seed) for seed in range(32)]
    pushed, twice, done = Semaphore(0), Event(), Event()
    swept = []

    def sweeping():
        with parts(served) as registry:
            while not done.is_set():
                if pushed.acquire(timeout=0.1):
                    swept.append(sweep(registry, timedelta(0)).removed)
                if len(swept) > 1:
                    twice.set()

    def push_beside(folder, number):
        if number >= 24:  # the last ones wait until it has swept in the midst of them
            assert twice.wait(120)
        digest = push_until_taken(push, folder, f"n/p{number}", served)
        pushed.release()
        return digest

    with ThreadPoolExecutor(9) as pool:
        sweeper = pool.submit(sweeping)
        try:
            digests = list(pool.map(push_beside, folders, range(32)))
        finally:
            done.set()
        sweeper.result()
    assert len(set(digests)) == 32
    assert len(swept) > 1
    report = command(served, "check", "--deep")
    assert (report["versions"], report["findings"]) == (36, [])
    command(served, "gc", "--grace", "0")
    assert command(served, "check", "--deep")["unreferenced_blobs"] == 0


def test_only_what_nothing_names_and_is_old(filled, parts, command):
    with filled.client(filled.admin_token) as client:
        client.delete("/v1/esms/n/b").raise_for_status()
    assert command(filled, "gc")["young"] == 2
    told = command(filled, "gc", "--grace", "0", "--dry-run")
    assert told["removed"] == 2
    assert command(filled, "check")["unreferenced_blobs"] == 2
    done = command(filled, "gc", "--grace", "0s")
    assert (done["removed"], done["removed_bytes"]) == (2, told["removed_bytes"])
    report = command(filled, "check", "--deep")
    assert (report["unreferenced_blobs"], report["findings"]) == (0, [])


def test_wrong_input(filled, refused):
    assert "no length of time" in refused(filled, "gc", "--grace", "soon")
    assert "no length of time" in refused(filled, "gc", "--grace", "9999999999d")


def test_a_client_uploads_again_what_was_swept_under_its_push(
    filled, esm_directory, monkeypatch, command
):
    directory, asked = esm_directory("late", seed=77), []

    def was_there(_blobs, _namespace, digest, _size):
        asked.append(digest)
        return len(asked) <= 3  # one look at each file, each swept since

    monkeypatch.setattr(BlobResource, "exists", was_there)
    with Client(filled.url, filled.write_token) as client:
        assert client.push(directory, "n/late", space="space").version == 1
    assert len(asked) == 6
    assert command(filled, "check", "--deep")["findings"] == []


def test_old_parts_of_uploads_go_and_young_ones_stay(filled, command):
    incoming = filled.data_dir / "blobs" / "incoming"
    old, young = incoming / f"{'a' * 64}.part", incoming / f"{'b' * 64}.part"
    for path in (old, young):
        path.write_bytes(b"begun")
    os.utime(old, (time.time() - 8 * 24 * 3600,) * 2)
    command(filled, "gc", "--dry-run")
    assert old.exists()
    command(filled, "gc")
    assert (old.exists(), young.exists()) == (False, True)


def send(server, content):
    """Send bytes that nothing names; their digest."""
    digest = digest_bytes(content)
    with server.client(server.write_token) as client:
        client.put(f"/v1/namespaces/sent/blobs/{digest}", content=content).raise_for_status()
    return digest


def age(server, digest):
    """Let it be long ago that somebody sent this."""
    old = "UPDATE uploads SET ended_at = '2020-01-01 00:00:00' WHERE digest = :digest"
    server.query(old, digest=digest)


def test_uploads_are_kept_while_they_count(served, command):
    old, young = send(served, b"old"), send(served, b"young")
    age(served, old)
    rows = "SELECT digest FROM uploads WHERE namespace = 'sent'"
    command(served, "gc", "--dry-run")
    assert {digest for (digest,) in served.query(rows)} == {old, young}
    command(served, "gc")
    assert {digest for (digest,) in served.query(rows)} == {young}


def test_all_that_count_no_more_go_however_many(served, command):
    send(served, b"")
    rows = ", ".join(f"('d{n}', 'sent', 1, '2020-01-01 00:00:00')" for n in range(2 * SWEPT + 1))
    served.query(f"INSERT INTO uploads (digest, namespace, user_id, ended_at) VALUES {rows}")
    command(served, "gc")
    assert served.query("SELECT count(*) FROM uploads WHERE digest LIKE 'd%'") == [(0,)]


def test_what_was_sent_some_days_ago_is_not_swept(served, command):
    """A large model may take as long, and names its files at the end."""
    digest = send(served, b"some days ago")
    if not IN_BUCKET:
        name = digest.removeprefix("sha256:")
        path = served.data_dir / "blobs" / name[:2] / name
        os.utime(path, (time.time() - 6 * 24 * 3600,) * 2)
    ago = now() - timedelta(days=6)
    served.query(
        "UPDATE uploads SET ended_at = :ago WHERE digest = :digest", ago=f"{ago}", digest=digest
    )
    assert command(served, "gc")["removed"] == 0
    with served.client(served.write_token) as client:
        assert client.head(f"/v1/namespaces/sent/blobs/{digest}").status_code == 200


@pytest.mark.skipif(IN_BUCKET, reason="the times of a bucket are its own")
def test_what_was_sent_again_is_young_however_long_it_lies_there(served, command):
    """A store keeps the file that it has, and its time with it."""
    digest = send(served, b"again")
    name = digest.removeprefix("sha256:")
    os.utime(served.data_dir / "blobs" / name[:2] / name, (1e9, 1e9))
    done = command(served, "gc")
    assert (done["removed"], done["young"]) == (0, 1)
    age(served, digest)
    assert command(served, "gc")["removed"] == 1
