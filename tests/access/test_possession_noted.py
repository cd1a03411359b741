"""What is noted of uploads, when, and what is copied for it: the rule itself, in this process."""

import asyncio
import secrets
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Event
from types import SimpleNamespace

import pytest
from access.parties import contents, version_of

from esm_client.core.artifact.manifest import digest_bytes
from esm_client.core.errors import NotFound, Unavailable
from esm_client.core.packs import blob_name, document, esm_name, pack_bytes
from esm_client.core.schemas import PackedEsm
from esm_server.artifacts.service import ArtifactService, Upload, UploadLimits
from esm_server.auth.service import AuthService
from esm_server.db.columns import now
from esm_server.possession import copies, service
from esm_server.possession.repository import UploadRepository
from esm_server.possession.service import Possession, sender_of
from esm_server.storage.base import StoredBlob
from esm_server.storage.direct import DirectAccess
from esm_server.storage.local import LocalBlobStore


class Bucket:
    """What clients sent to a bucket; `copy` is what its store does, and how long."""

    def __init__(self):
        self.objects, self.copied = {}, []
        self.copy = lambda digest: None

    @property
    def sent(self):
        return self

    def add(self, sender, digest, ago=timedelta(0)):
        self.objects[sender, digest] = StoredBlob(digest, 5 * 2**30, now() - ago)

    def find(self, sender, digest):
        return self.objects.get((sender, digest))

    def take_in(self, sender, digest):
        self.copy(digest)
        if (sender, digest) not in self.objects:
            raise NotFound("The object store does not have it.", "Upload it again.")
        self.copied.append(digest)

    def forget(self, sender, digest):
        self.objects.pop((sender, digest), None)


@pytest.fixture(name="database")
def _database(registry):
    database = registry.database()
    yield database
    database.close()


@pytest.fixture(name="caller_of")
def _caller_of(database):
    """caller_of(party) -> as their requests would have it."""

    def of(party):
        secret = party.client.headers["Authorization"].removeprefix("Bearer ")
        return AuthService(database).recognise(secret)

    return of


@pytest.fixture(name="bucket")
def _bucket():
    return Bucket()


@pytest.fixture(name="possession")
def _possession(database, bucket):
    return Possession(database, bucket)


@pytest.fixture(name="artifacts")
def _artifacts(database, possession, tmp_path):
    """Blobs of its own, of which the shared server has none."""
    store = LocalBlobStore(tmp_path / "blobs")
    store.prepare()
    limits = UploadLimits(2**40, 2**40, 2**40, open_namespaces=True)
    return ArtifactService(database, store, AuthService(database), limits, possession)


def some_digests(count):
    return sorted(digest_bytes(secrets.token_bytes(8)) for _ in range(count))


@pytest.fixture(name="sent")
def _sent(owner, caller_of, bucket):
    """Digests of three files that the owner sent to the bucket, in order."""
    digests = some_digests(3)
    for digest in digests:
        bucket.add(sender_of(caller_of(owner), owner.namespace), digest)
    return digests


class TestBucket:
    def test_who_asks_for_a_file_has_nothing_copied(
        self, artifacts, bucket, owner, caller_of, sent
    ):
        caller = caller_of(owner)
        with ThreadPoolExecutor(8) as pool:
            ask = lambda _: artifacts.blob_size(caller, owner.namespace, sent[0])  # noqa: E731
            assert set(pool.map(ask, range(64))) == {5 * 2**30}
        assert bucket.copied == []

    def test_who_asks_is_told_of_own_files_alone(self, artifacts, owner, outsider, caller_of, sent):
        with pytest.raises(NotFound):
            artifacts.blob_size(caller_of(outsider), outsider.namespace, sent[0])

    def test_one_object_is_copied_once_and_nobody_waits_for_it(
        self, possession, bucket, owner, caller_of, sent
    ):
        caller, begun, go_on = caller_of(owner), Event(), Event()

        def copy(_):
            begun.set()
            assert go_on.wait(30)

        bucket.copy = copy
        with ThreadPoolExecutor(1) as pool:
            first = pool.submit(possession.held, caller, owner.namespace, sent)
            try:
                assert begun.wait(30)
                for digests in (sent, sent[1:]):
                    with pytest.raises(Unavailable, match="being put in place") as refused:
                        possession.held(caller, owner.namespace, digests)
                    assert refused.value.headers["Retry-After"]
            finally:
                go_on.set()
            assert first.result() == set(sent)
        assert possession.held(caller, owner.namespace, sent) == set(sent)
        assert bucket.copied == sent

    def test_few_users_have_theirs_copied_at_a_time(
        self, possession, bucket, owner, outsider, caller_of, sent, monkeypatch
    ):
        monkeypatch.setattr(copies, "USERS", 1)
        other, refused = caller_of(outsider), []
        theirs = some_digests(1)
        bucket.add(sender_of(other, outsider.namespace), theirs[0])

        def copy(_):
            bucket.copy = lambda _: None
            with pytest.raises(Unavailable, match="being put in place"):
                possession.held(other, outsider.namespace, theirs)
            refused.append(other)
            # what needs no copy is not refused
            assert possession.held(other, outsider.namespace, some_digests(1)) == set()

        bucket.copy = copy
        assert possession.held(caller_of(owner), owner.namespace, sent) == set(sent)
        assert refused == [other]
        assert possession.held(other, outsider.namespace, theirs) == set(theirs)

    def test_what_was_copied_counts_whatever_becomes_of_the_next(
        self, possession, bucket, owner, caller_of, sent
    ):
        def copy(digest):
            if digest == sent[2]:
                raise Unavailable("The object store fails.", "Try again.")

        bucket.copy, caller = copy, caller_of(owner)
        with pytest.raises(Unavailable):
            possession.held(caller, owner.namespace, sent)
        assert possession.known(caller, owner.namespace, sent) == set(sent[:2])
        assert [digest for _, digest in bucket.objects] == sent[2:]
        bucket.copy = lambda _: None
        assert possession.held(caller, owner.namespace, sent) == set(sent)
        assert bucket.copied == sent

    def test_what_was_sent_some_days_ago_counts(self, possession, bucket, owner, caller_of):
        """As long as a part of a file does: a large model may take that long."""
        caller, (young, old) = caller_of(owner), some_digests(2)
        for digest, days in ((young, 6), (old, 8)):
            bucket.add(sender_of(caller, owner.namespace), digest, timedelta(days=days))
        assert possession.held(caller, owner.namespace, [young, old]) == {young}

    def test_a_store_that_fails_while_it_is_tried_out_stops_nobody(self, caplog):
        def fail(*_):
            raise Unavailable("The object store fails.", "Try again.")

        body = []

        def send(method, _url, content, _headers):
            if method == "GET":
                return body[-1]
            body.append(content)
            return None if len(body) == 1 else b""

        client = SimpleNamespace(
            place=SimpleNamespace(endpoint="http://store"), bucket="b", remove=fail,
            signed_put=lambda *_: ("url", {}), signed_get=lambda _: "url", try_out=send,
        )  # fmt: skip
        sent = SimpleNamespace(key=lambda *_: "key", find=fail, forget=fail)
        direct = DirectAccess(client, SimpleNamespace(key=lambda _: "key", sent=sent))
        direct.try_out()
        assert direct.endpoint == "http://store"
        assert direct.sent is None
        assert "failed when it was tried out: uploads go over me" in caplog.text


class TestBusyDatabase:
    @pytest.fixture(name="busy", autouse=True)
    def _busy(self, monkeypatch):
        """The next two notes of an upload find the database busy."""
        left, record = [2], UploadRepository.record

        def busy(*given):
            left[0] -= 1
            if left[0] >= 0:
                raise Unavailable("The server's database does not answer.", "Try again.")
            record(*given)

        monkeypatch.setattr(UploadRepository, "record", busy)
        monkeypatch.setattr(service, "PAUSE", 0.01)

    def receive(self, artifacts, caller, namespace, content, *, resumable):
        async def chunks():
            yield content

        upload = Upload(chunks(), len(content), resumable=resumable)
        digest = digest_bytes(content)
        return asyncio.run(artifacts.receive(caller, namespace, digest, upload))

    def test_costs_no_finished_upload_of_a_large_file(self, artifacts, owner, caller_of):
        caller, content = caller_of(owner), secrets.token_bytes(100)
        assert self.receive(artifacts, caller, owner.namespace, content, resumable=True)
        assert artifacts.blob_size(caller, owner.namespace, digest_bytes(content)) == 100

    def test_is_told_to_who_sends_a_small_one_again(self, artifacts, owner, caller_of):
        caller, content = caller_of(owner), secrets.token_bytes(100)
        with pytest.raises(Unavailable):
            self.receive(artifacts, caller, owner.namespace, content, resumable=False)
        with pytest.raises(NotFound):
            artifacts.blob_size(caller, owner.namespace, digest_bytes(content))


class TestRows:
    def noted(self, registry, party):
        rows = "SELECT digest FROM uploads WHERE namespace = :namespace"
        return {digest for (digest,) in registry.query(rows, namespace=party.namespace)}

    @pytest.mark.parametrize("with_esm", [True, False])
    def test_of_a_pack_are_of_what_its_esms_name(self, registry, owner, secret, with_esm):
        blobs = [*contents(secret).values(), *(secrets.token_bytes(8) for _ in range(20))]
        members = [document(blob_name(digest_bytes(blob)), blob) for blob in blobs]
        if with_esm:
            esm = {**version_of(secret), "name": "esm", "space": "possession"}
            packed = PackedEsm.model_validate(esm).model_dump_json().encode()
            members.append(document(esm_name(0), packed))
        path = f"/v1/namespaces/{owner.namespace}/packs"
        answer = owner.client.post(path, content=b"".join(pack_bytes(members)))
        assert answer.is_success == with_esm
        own = {digest_bytes(blob) for blob in contents(secret).values()}
        assert self.noted(registry, owner) == (own if with_esm else set())

    def test_that_count_no_more_go_with_the_next_upload(self, registry, owner):
        """Where nobody runs gc, too."""
        owner.send(secrets.token_bytes(8)).raise_for_status()
        old = "UPDATE uploads SET ended_at = '2020-01-01 00:00:00' WHERE namespace = :namespace"
        registry.query(old, namespace=owner.namespace)
        content = secrets.token_bytes(8)
        owner.send(content).raise_for_status()
        assert self.noted(registry, owner) == {digest_bytes(content)}

    def test_are_written_a_few_at_a_time(self, registry, possession, owner, caller_of, monkeypatch):
        monkeypatch.setattr(service, "RECORDED", 2)
        digests, written, record = some_digests(5), [], UploadRepository.record

        def counted(uploads, user_id, namespace, some):
            written.append(len(some))
            record(uploads, user_id, namespace, some)

        monkeypatch.setattr(UploadRepository, "record", counted)
        for _ in range(2):  # the same again is no error
            possession.record(caller_of(owner), owner.namespace, digests)
        assert written == [2, 2, 1] * 2
        assert self.noted(registry, owner) == set(digests)
