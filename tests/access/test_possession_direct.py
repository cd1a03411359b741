"""What clients send to the object store itself shows as much as what they send to the server."""

import secrets
from datetime import timedelta

import httpx
import pytest
from access.parties import contents, parties
from support.databases import ON_SERVERS
from support.relay import Answer, Relay
from support.storage import s3_server

from esm_client.core.artifact.manifest import digest_bytes
from esm_server.auth.service import AuthService
from esm_server.possession import service
from esm_server.possession.service import Possession, sender_of
from esm_server.storage import s3_sent
from esm_server.storage.choice import open_direct

pytestmark = ON_SERVERS
MODEL = "model.safetensors"


@pytest.fixture(name="bucket", scope="module")
def _bucket():
    name = s3_server().create_bucket()
    yield name
    s3_server().remove_bucket(name)


@pytest.fixture(name="registry")
def _registry(start_registry, bucket):
    """A server whose clients may send to its bucket themselves."""
    env = s3_server().env(bucket, secrets.token_hex(6)) | {"ESM_SERVER_S3_PRESIGN": "true"}
    running = start_registry(env=env)
    with running.client() as client:
        assert client.get("/v1").json()["store"] == s3_server().endpoint
    return running


def signed(party, content, namespace=None):
    path = f"{party.blob(digest_bytes(content), namespace)}/upload"
    answer = party.client.post(path, json={"size": len(content)}).raise_for_status().json()
    assert answer["url"] is not None, "it is told to send it"
    return answer


def put(answer, content, **more):
    headers = answer["headers"] | more
    return httpx.put(answer["url"], content=content, headers=headers, trust_env=False)


def in_folder(running, bucket, folder):
    prefix = f"{running.settings.s3_prefix}/{folder}/"
    found = s3_server().client().list_objects(bucket, prefix, recursive=True)
    return [one.object_name for one in found]


@pytest.fixture(name="model")
def _model(owner, outsider, secret):
    """The map of an ESM that the owner has pushed; all else of it is the outsider's too."""
    owner.push(secret)
    for name, content in contents(secret).items():
        if name != MODEL:
            outsider.send(content).raise_for_status()
    return contents(secret)[MODEL]


class TestOutsider:
    def test_who_sends_nothing(self, outsider, secret, model, refused):
        """The answer is that for what nobody has: to send it, and to a name of one's own."""
        other = secrets.token_bytes(len(model))
        known, unknown = signed(outsider, model), signed(outsider, other)
        for answer, content in ((known, model), (unknown, other)):
            assert digest_bytes(content).removeprefix("sha256:") not in answer["url"]
        assert known["headers"].keys() == unknown["headers"].keys()
        refused(outsider.commit(secret), digest_bytes(model))

    def test_who_sends_other_bytes(self, outsider, secret, model, refused):
        answer = signed(outsider, model)
        for wrong in (secrets.token_bytes(len(model)), model[:-1], b""):
            assert put(answer, wrong, **{"Content-Length": str(len(wrong))}).is_error
        refused(outsider.commit(secret), digest_bytes(model))

    def test_who_has_the_store_copy_it(self, registry, bucket, outsider, secret, model, refused):
        """By headers that nobody signed: the store would find the bytes, and nobody sent them."""
        answer, name = signed(outsider, model), digest_bytes(model).removeprefix("sha256:")
        (key,) = [key for key in in_folder(registry, bucket, "blobs") if key.endswith(name)]
        source = {"x-amz-copy-source": f"/{bucket}/{key}"}
        part = {"x-amz-copy-source-range": f"bytes=0-{len(model) - 1}"}
        for more in (source, source | part):
            assert put(answer, secrets.token_bytes(len(model)), **more).is_error
        assert in_folder(registry, bucket, "incoming") == []
        refused(outsider.commit(secret), digest_bytes(model))

    def test_who_sends_it(self, registry, bucket, outsider, secret, model):
        assert put(signed(outsider, model), model).is_success
        found = outsider.head(digest_bytes(model))
        assert (found.status_code, found.headers["content-length"]) == (200, str(len(model)))
        assert len(in_folder(registry, bucket, "incoming")) == 1, "who asks has nothing copied"
        assert outsider.commit(secret).status_code == 201
        path = f"/v1/esms/{outsider.namespace}/esm/versions/1/files/{MODEL}"
        assert outsider.client.get(path).content == model
        assert in_folder(registry, bucket, "incoming") == []


def test_what_nobody_had_is_taken_in_by_the_commit(outsider, secret):
    """Without a word to the server in between, as older clients do it."""
    for content in contents(secret).values():
        assert put(signed(outsider, content), content).is_success
    assert outsider.commit(secret).status_code == 201


def test_it_is_its_senders_alone(outsider, party, secret, model, refused):
    other = party()
    other.admit(outsider)
    assert put(signed(outsider, model, other.namespace), model).is_success
    refused(outsider.commit(secret), digest_bytes(model))
    assert other.head(digest_bytes(model)).status_code == 404
    assert outsider.head(digest_bytes(model), other.namespace).status_code == 200


def test_a_source_model_goes_the_same_way(owner, outsider, model, refused, esm_directory):
    outsider.push(esm_directory("own", seed=secrets.randbits(31)))
    files = {"config.json": b"{}", MODEL: model}
    outsider.send(files["config.json"]).raise_for_status()
    signed(outsider, model)
    refused(outsider.attach(files), digest_bytes(model))
    assert put(signed(outsider, model), model).is_success
    # the header of a map is one of a source model too
    assert outsider.attach(files).status_code == 200


def test_a_deleted_one_has_to_be_sent_again(owner, outsider, secret, model, refused):
    put(signed(outsider, model), model).raise_for_status()
    outsider.commit(secret).raise_for_status()
    owner.root.delete(f"/v1/esms/{outsider.namespace}/esm").raise_for_status()
    for content in contents(secret).values():
        if content != model:
            outsider.send(content).raise_for_status()
    refused(outsider.commit(secret), digest_bytes(model))
    put(signed(outsider, model), model).raise_for_status()
    assert outsider.commit(secret).status_code == 201


def test_what_lies_there_too_long_counts_no_more(registry, outsider, model, monkeypatch):
    put(signed(outsider, model), model).raise_for_status()
    database, direct = registry.database(), open_direct(registry.settings)
    direct.try_out()
    secret = outsider.client.headers["Authorization"].removeprefix("Bearer ")
    caller = AuthService(database).recognise(secret)
    digest, sender = digest_bytes(model), sender_of(caller, outsider.namespace)
    possession = Possession(database, direct)
    monkeypatch.setattr(service, "LATELY", timedelta(seconds=-60))
    assert possession.held(caller, outsider.namespace, [digest]) == set()
    assert direct.sent.find(sender, digest) is not None
    monkeypatch.undo()
    assert possession.held(caller, outsider.namespace, [digest]) == {digest}
    assert direct.sent.find(sender, digest) is None
    database.close()


def test_what_nobody_took_in_is_swept(registry, bucket, outsider, model, monkeypatch):
    """And nothing of another registry, whose prefix is the name of the folder."""
    put(signed(outsider, model), model).raise_for_status()
    prefix = f"{registry.settings.s3_prefix}/incoming"
    others = f"{prefix}/blobs/aa/{'a' * 64}"
    client = s3_server().client()
    client.copy_object(
        bucket, others, copy_source(bucket, in_folder(registry, bucket, "incoming")[0])
    )
    registry.store.sweep()
    assert len(in_folder(registry, bucket, "incoming")) == 2, "it is young"
    monkeypatch.setattr(s3_sent, "LATELY", timedelta(seconds=-60))
    registry.store.sweep()
    assert in_folder(registry, bucket, "incoming") == [others]


def copy_source(bucket, key):
    from minio.commonconfig import CopySource

    return CopySource(bucket, key)


def test_a_store_that_copies_for_whoever_asks_gets_no_uploads(start_registry, bucket):
    """A relay before the real store does what a careless one would."""
    server = s3_server()
    relay = Relay(server.endpoint)
    relay.keep_host = True

    def rule(asked, forward):
        source = asked.headers.get("x-amz-copy-source")
        if source is None:
            return forward()
        bucket_name, _, key = source.lstrip("/").partition("/")
        target = asked.path.lstrip("/").partition("/")[2]
        server.client().copy_object(bucket_name, target, copy_source(bucket_name, key))
        return Answer(200, b"")

    relay.rule = rule
    env = server.env(bucket, secrets.token_hex(6)) | {
        "ESM_SERVER_S3_PRESIGN": "true",
        "ESM_SERVER_S3_PUBLIC_ENDPOINT": relay.url,
    }
    running = start_registry(env=env)
    try:
        assert "copies for whoever may send" in running.log
        with parties(running) as party:
            one = party()
            path = f"{one.blob(digest_bytes(b'x'))}/upload"
            assert one.client.post(path, json={"size": 1}).json()["url"] is None
        assert in_folder(running, bucket, "incoming") == []
    finally:
        relay.close()
