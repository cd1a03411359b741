"""What every blob store must do, over local files and over a real S3 server."""

import hashlib
import os
import resource
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from support.databases import ON_SERVERS
from support.storage import s3_server

from esm_client.core.errors import Conflict, DigestMismatch, InvalidInput, NotFound
from esm_server.settings import Settings
from esm_server.storage.choice import open_store

MB = 2**20


def digest_of(content):
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


@pytest.fixture(name="settings", params=["local", pytest.param("s3", marks=ON_SERVERS)])
def _settings(request, tmp_path):
    values = {}
    if request.param == "s3":
        bucket = request.getfixturevalue("bucket")
        env = s3_server().env(bucket, f"p-{os.urandom(6).hex()}/")
        values = {key.removeprefix("ESM_SERVER_").lower(): v for key, v in env.items()}
    return Settings(data_dir=tmp_path / "data", **values)


@pytest.fixture(name="store")
def _store(settings):
    store = open_store(settings)
    store.prepare()
    return store


def put(store, content, **how):
    writer = store.begin(digest_of(content), **how)
    write(writer, content)
    return writer.commit()


def write(writer, content):
    for start in range(0, len(content), MB):
        writer.write(content[start : start + MB])


def get(store, digest):
    return b"".join(store.read(digest, 0, store.size(digest)))


@pytest.mark.parametrize("size", [0, 1, 300_000, 8 * MB, 8 * MB + 1, 33 * MB])
def test_what_was_put_is_there(store, size):
    content = os.urandom(size)
    digest = digest_of(content)
    assert store.size(digest) is None
    assert put(store, content) is True
    assert store.size(digest) == size
    assert get(store, digest) == content
    with store.local_copy(digest) as path:
        assert path.read_bytes() == content
    with store.local_copy(digest) as path:  # the second may come from nearby
        assert path.read_bytes() == content
    assert put(store, content) is False
    assert get(store, digest) == content
    assert list(store.spool.iterdir()) == []


def test_what_is_not_there(store):
    digest = digest_of(b"absent")
    assert store.size(digest) is None
    with pytest.raises(NotFound):
        list(store.read(digest, 0, 1))
    with pytest.raises(NotFound):
        list(store.read(digest, 0, 0))
    with pytest.raises(NotFound), store.local_copy(digest):
        pass
    store.remove(digest)
    assert list(store.stored()) == []


def test_wrong_bytes_are_refused(store):
    digest = digest_of(b"meant")
    for size in (4, 17 * MB):
        writer = store.begin(digest)
        writer.write(bytes(size))
        with pytest.raises(DigestMismatch, match=digest):
            writer.commit()
        writer.abort()
    assert store.size(digest) is None
    assert list(store.spool.iterdir()) == []


@pytest.mark.parametrize("size", [2, 20 * MB])
def test_an_aborted_upload_leaves_nothing(store, size):
    content = os.urandom(size)
    writer = store.begin(digest_of(content))
    write(writer, content[:-1])
    writer.abort()
    assert store.size(digest_of(content)) is None
    assert list(store.spool.iterdir()) == []


def test_more_large_uploads_at_a_time_than_are_sent_early(store):
    contents = [os.urandom(9 * MB) for _ in range(6)]
    writers = [store.begin(digest_of(content)) for content in contents]
    for start in range(0, 9 * MB, MB):
        for writer, content in zip(writers, contents, strict=True):
            writer.write(content[start : start + MB])
    for writer in writers:
        assert writer.commit() is True
    for content in contents:
        assert get(store, digest_of(content)) == content


def test_a_kept_upload_goes_on(store, settings):
    content = os.urandom(500_000)
    digest = digest_of(content)
    assert store.kept(digest, "ada") == 0
    writer = store.begin(digest, "ada")
    writer.write(content[:200_000])
    with pytest.raises(Conflict, match="at this moment"):
        store.begin(digest, "ada")
    writer.keep()
    assert store.kept(digest, "ada") == 200_000
    assert store.kept(digest, "bob") == 0
    assert store.size(digest) is None
    again = open_store(settings)
    again.prepare()  # a restart sweeps no upload that can go on
    with pytest.raises(Conflict, match="stopped at byte 200000"):
        again.begin(digest, "ada", 1)
    writer = again.begin(digest, "ada", 200_000)
    writer.write(content[200_000:])
    assert writer.commit() is True
    assert get(again, digest) == content
    assert again.kept(digest, "ada") == 0


def test_a_kept_upload_of_other_bytes(store):
    digest = digest_of(b"abcdef")
    writer = store.begin(digest, "ada")
    writer.write(b"abX")
    writer.keep()
    writer = store.begin(digest, "ada", 3)
    writer.write(b"def")
    with pytest.raises(DigestMismatch):
        writer.commit()
    writer.abort()
    assert store.kept(digest, "ada") == 0


def test_parts_of_a_blob(store):
    content = os.urandom(1_000_000)
    put(store, content)
    for start, stop in [(0, 1), (0, 999_999), (5, 5), (300_000, 700_001), (999_999, 1_000_000)]:
        found = b"".join(store.read(digest_of(content), start, stop))
        assert found == content[start:stop]
    assert b"".join(store.read(digest_of(content), 999_990, 2_000_000)) == content[-10:]


def test_writers_of_the_same_bytes(store):
    content = os.urandom(200_000)
    barrier = threading.Barrier(8)

    def write(_):
        writer = store.begin(digest_of(content))
        writer.write(content)
        barrier.wait()
        return writer.commit()

    with ThreadPoolExecutor(8) as pool:
        new = list(pool.map(write, range(8)))
    assert any(new)
    assert get(store, digest_of(content)) == content
    assert list(store.spool.iterdir()) == []
    assert put(store, content) is False


@pytest.mark.parametrize("settings", [pytest.param("s3", marks=ON_SERVERS)], indirect=True)
def test_one_writer_is_told_that_it_is_new(store):
    """Of local files several at a time may hold theirs for new."""
    content = os.urandom(1000)
    barrier = threading.Barrier(8)

    def write(_):
        writer = store.begin(digest_of(content))
        writer.write(content)
        barrier.wait()
        return writer.commit()

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(write, range(8))) == 1


def test_stored_anew_is_another_state(store):
    content = b"the same bytes again"
    assert store.state(digest_of(content)) is None
    put(store, content)
    before = store.state(digest_of(content))
    assert store.state(digest_of(content)) == before
    store.remove(digest_of(content))
    time.sleep(1.1)  # S3 servers tell whole seconds
    put(store, content)
    assert store.state(digest_of(content)) != before


def test_remove(store):
    put(store, b"gone")
    with store.local_copy(digest_of(b"gone")):
        store.remove(digest_of(b"gone"))
    assert store.size(digest_of(b"gone")) is None
    with pytest.raises(NotFound), store.local_copy(digest_of(b"gone")):
        pass
    store.remove(digest_of(b"gone"))
    assert put(store, b"gone") is True


def test_stored_lists_thousands_with_sizes_and_times(store):
    contents = [f"{number}".encode() for number in range(2100)]
    store.put_many((digest_of(one), iter([one])) for one in contents)
    found = {blob.digest: blob for blob in store.stored()}
    assert set(found) == {digest_of(one) for one in contents}
    assert all(found[digest_of(one)].size == len(one) for one in contents)
    age = [datetime.now(UTC) - blob.modified_at for blob in found.values()]
    assert all(timedelta(minutes=-5) < one < timedelta(minutes=10) for one in age)


def test_put_many_stops_at_wrong_bytes(store):
    def blobs():
        yield digest_of(b"one"), iter([b"o", b"ne"])
        yield digest_of(b"two"), iter([b"tw", b"X"])
        yield digest_of(b"three"), iter([b"three"])

    with pytest.raises(DigestMismatch):
        store.put_many(blobs())
    assert store.size(digest_of(b"one")) == 3
    assert store.size(digest_of(b"two")) is None
    assert store.size(digest_of(b"three")) is None
    assert list(store.spool.iterdir()) == []


def test_put_many_skips_what_is_there(store):
    put(store, b"there")

    def unread():
        raise AssertionError("nobody reads what is stored")
        yield b""

    store.put_many([(digest_of(b"there"), unread()), (digest_of(b"new"), iter([b"new"]))])
    assert store.size(digest_of(b"new")) == 3


def test_a_large_blob_takes_little_memory(store):
    block = os.urandom(8 * MB)
    hasher = hashlib.sha256()
    for _ in range(24):
        hasher.update(block)
    digest = f"sha256:{hasher.hexdigest()}"
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    writer = store.begin(digest)
    for _ in range(24):
        writer.write(block)
    assert writer.commit() is True
    found = hashlib.sha256()
    for chunk in store.read(digest, 0, 192 * MB):
        found.update(chunk)
    with store.local_copy(digest) as path:
        assert path.stat().st_size == 192 * MB
    assert f"sha256:{found.hexdigest()}" == digest
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown * 1024 < 150 * MB
    store.remove(digest)


def test_a_sound_store_passes_its_check(store):
    store.check()
    assert list(store.stored()) == []


def test_what_a_kill_left_is_swept(store, settings):
    writer = store.begin(digest_of(b"x"))
    writer.write(b"half")
    writer.file.close()  # all that the end of its process does
    open_store(settings).prepare()
    assert list(store.spool.iterdir()) == []


def test_half_a_configuration_is_refused(tmp_path):
    with pytest.raises(
        InvalidInput, match="incomplete: ESM_SERVER_S3_ACCESS_KEY, ESM_SERVER_S3_SE"
    ):
        open_store(Settings(data_dir=tmp_path, s3_endpoint="http://x", s3_bucket="b"))
