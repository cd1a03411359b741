"""A relay in front of a real S3 server spoils requests: nothing wrong is stored or believed."""

import hashlib
import os
import time

import pytest
from support.databases import ON_SERVERS
from support.relay import Answer, Relay
from support.storage import s3_server

from esm_client.core.errors import EsmError, InvalidInput, StorageFull, Unavailable
from esm_server.storage.base import DamagedBlob
from esm_server.storage.s3 import S3BlobStore
from esm_server.storage.s3_client import S3Client
from esm_server.storage.s3_place import S3Place

pytestmark = ON_SERVERS
MB = 2**20
SLOW_DOWN = b"<Error><Code>SlowDown</Code><Message>less</Message></Error>"
XML = {"content-type": "application/xml"}


def digest_of(content):
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


@pytest.fixture(name="relay")
def _relay(bucket):
    relay = Relay(s3_server().endpoint)
    relay.keep_host = True
    yield relay
    relay.close()


@pytest.fixture(name="make")
def _make(bucket, tmp_path):
    """make(endpoint) -> a store that is not very patient."""
    prefix = f"f-{os.urandom(6).hex()}"

    def make(endpoint, **how):
        server = s3_server()
        keys = {"access_key": server.access_key, "secret_key": server.secret_key} | how
        place = S3Place(endpoint, **{"bucket": bucket, "timeout": 1.0, "patience": 3.0} | keys)
        root = tmp_path / os.urandom(4).hex()
        made = S3BlobStore(S3Client(place), prefix, root, root / "cache", 10**9)
        made.spool.mkdir(parents=True)
        return made

    return make


@pytest.fixture(name="store")
def _store(make, relay):
    return make(relay.url)


@pytest.fixture(name="straight")
def _straight(make):
    return make(s3_server().endpoint)


def put(store, content):
    writer = store.begin(digest_of(content))
    try:
        write(writer, content)
        return writer.commit()
    except BaseException:
        writer.abort()
        raise


def write(writer, content):
    for start in range(0, len(content), MB):
        writer.write(content[start : start + MB])


def times(number, fault):
    """A rule that spoils the first requests."""
    left = [number]

    def rule(asked, forward):
        left[0] -= 1
        return fault(asked, forward) if left[0] >= 0 else forward()

    return rule


def stall(asked, forward):
    time.sleep(2)
    return


def flipped_upload(asked, forward):
    body = bytes([asked.body[0] ^ 1]) + asked.body[1:] if asked.body else asked.body
    object.__setattr__(asked, "body", body)
    return forward()


def truncated(asked, forward):
    answer = forward()
    return Answer(answer.status, answer.body, answer.headers, cut=len(answer.body) // 2)


FAULTS = {
    "500": lambda asked, forward: Answer(500, b"oops"),
    "503": lambda asked, forward: Answer(503, SLOW_DOWN, XML),
    "proxy": lambda asked, forward: Answer(
        502, b"<h1>Bad gateway</h1>", {"content-type": "text/html"}
    ),
    "dropped": lambda asked, forward: None,
    "stalled": stall,
}


@pytest.mark.parametrize("fault", [*FAULTS, "flipped"])
@pytest.mark.parametrize("size", [1000, 17 * 2**20])
def test_a_passing_fault_costs_an_upload_nothing(store, straight, relay, fault, size):
    content = os.urandom(size)
    relay.rule = times(2, FAULTS.get(fault, flipped_upload))
    put(store, content)
    assert b"".join(straight.read(digest_of(content), 0, size)) == content


def test_parts_that_cannot_be_sent_early_are_sent_at_the_end(store, straight, relay):
    content = os.urandom(20 * MB)
    writer = store.begin(digest_of(content))
    relay.rule = FAULTS["500"]
    write(writer, content)
    relay.rule = lambda asked, forward: forward()
    assert writer.commit() is True
    assert b"".join(straight.read(digest_of(content), 0, len(content))) == content


def test_an_aborted_upload_leaves_no_parts(straight, bucket):
    content = os.urandom(20 * MB)
    writer = straight.begin(digest_of(content))
    write(writer, content)
    writer.abort()
    client, key = s3_server().client(), straight.key(digest_of(content))
    until = time.monotonic() + 20
    while client._list_multipart_uploads(bucket, prefix=key).uploads:
        assert time.monotonic() < until
        time.sleep(0.1)
    assert straight.size(digest_of(content)) is None


@pytest.mark.parametrize("fault", FAULTS)
def test_a_lasting_fault_is_told_and_stores_nothing(store, straight, relay, fault):
    content = os.urandom(1000)
    relay.rule = FAULTS[fault]
    with pytest.raises(Unavailable, match="object store"):
        put(store, content)
    for ask in (store.size, lambda digest: list(store.stored()), lambda digest: store.check()):
        with pytest.raises(Unavailable):
            ask(digest_of(content))
    assert straight.size(digest_of(content)) is None
    assert list(store.spool.iterdir()) == []


def test_bytes_that_always_flip_on_their_way_are_never_stored(store, straight, relay):
    content = os.urandom(1000)
    relay.rule = flipped_upload
    with pytest.raises(EsmError):
        put(store, content)
    assert straight.size(digest_of(content)) is None


def test_a_download_that_breaks_goes_on(store, straight, relay):
    content = os.urandom(1_000_000)
    put(straight, content)
    relay.rule = times(2, truncated)
    assert b"".join(store.read(digest_of(content), 0, len(content))) == content
    relay.rule = times(3, truncated)
    with store.local_copy(digest_of(content)) as path:
        assert path.read_bytes() == content


def test_changed_bytes_are_not_believed(store, straight, relay):
    content = os.urandom(600_000)
    put(straight, content)

    def flip(asked, forward):
        answer = forward()
        body = answer.body
        return answer.with_body(body[:9] + bytes([body[9] ^ 1]) + body[10:]) if body else answer

    relay.rule = flip
    got: list[bytes] = []
    with pytest.raises(DamagedBlob):
        got.extend(store.read(digest_of(content), 0, len(content)))
    assert sum(map(len, got)) < len(content), "nobody takes it for the whole"
    with pytest.raises(DamagedBlob), store.local_copy(digest_of(content)):
        pass
    relay.rule = lambda asked, forward: forward()
    with store.local_copy(digest_of(content)) as path:
        assert path.read_bytes() == content


def test_a_copy_that_the_disk_damaged_is_fetched_again(straight):
    content = os.urandom(1000)
    put(straight, content)
    with straight.local_copy(digest_of(content)):
        pass
    (copy,) = straight._cache._directory.glob("??/*")
    copy.write_bytes(content[:-1] + b"?")
    with straight.local_copy(digest_of(content)) as path:
        assert path.read_bytes() == content
    assert copy.read_bytes() == content


def test_put_many_tells_of_each_that_cannot_be_sent(store, straight, relay):
    contents = [os.urandom(1000) for _ in range(30)]
    blobs = [(digest_of(content), [content]) for content in contents]
    relay.rule = lambda asked, forward: (
        Answer(500, b"oops") if asked.method == "PUT" and contents[3] == asked.body else forward()
    )
    with pytest.raises(Unavailable):
        store.put_many(blobs)
    assert straight.size(blobs[3][0]) is None
    relay.rule = lambda asked, forward: forward()
    store.put_many(blobs)
    assert all(straight.size(digest) == 1000 for digest, _ in blobs)


def test_a_full_store_says_so(store, relay):
    relay.rule = lambda asked, forward: Answer(
        403, b"<Error><Code>QuotaExceeded</Code></Error>", XML
    )
    with pytest.raises(StorageFull):
        put(store, b"more")


def test_wrong_keys_and_buckets_are_named(make, bucket):
    endpoint = s3_server().endpoint
    with pytest.raises(Unavailable, match="keys"):
        make(endpoint, secret_key="wrong").prepare()
    with pytest.raises(Unavailable, match="no bucket 'absent-bucket'"):
        make(endpoint, bucket="absent-bucket").prepare()
    with pytest.raises(Unavailable, match="cannot be reached"):
        make("http://127.0.0.1:9").prepare()
    with pytest.raises(InvalidInput, match="cannot be used"):
        make("s3.example.org")
