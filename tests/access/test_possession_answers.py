"""What the server says of files tells nobody what others have."""

import http.client
from urllib.parse import urlsplit

import pytest
from access.parties import contents, version_of
from support.waiting import until

from esm_client.core.artifact.manifest import digest_bytes, manifest_digest
from esm_client.core.schemas import Manifest

OWN = {"x-request-id", "date", "x-esm-registry", "server"}
"""Headers that say nothing of what was asked for."""


@pytest.fixture(name="pushed")
def _pushed(owner, secret):
    """The digest of a map that the owner has pushed, and its bytes."""
    owner.push(secret)
    content = contents(secret)["model.safetensors"]
    return digest_bytes(content), content


def told(response):
    headers = {key: value for key, value in response.headers.items() if key not in OWN}
    return response.status_code, headers, response.content


class TestHead:
    def test_tells_the_owner(self, owner, pushed):
        digest, content = pushed
        assert owner.head(digest).status_code == 200
        assert owner.head(digest).headers["content-length"] == str(len(content))

    def test_tells_others_neither_existence_nor_size(self, outsider, pushed, unique):
        digest, _ = pushed
        absent = outsider.head(digest_bytes(unique.encode()))
        assert told(outsider.head(digest)) == told(absent)
        assert absent.status_code == 404
        assert absent.headers["upload-offset"] == "0"

    def test_of_a_namespace_that_does_not_exist(self, outsider, pushed, unique):
        assert outsider.head(pushed[0], unique).status_code == 404

    def test_tells_who_sent_it(self, outsider, party, pushed):
        digest, content = pushed
        other = party()
        other.admit(outsider)
        outsider.send(content).raise_for_status()
        assert outsider.head(digest).status_code == 200
        assert outsider.head(digest, other.namespace).status_code == 404, "they sent it elsewhere"
        assert other.head(digest).status_code == 404


class TestPut:
    def test_is_new_to_whoever_sends_it_first(self, registry, owner, outsider, party, pushed):
        digest, content = pushed
        assert owner.send(content).status_code == 200
        assert outsider.send(content).status_code == 201
        assert outsider.send(content).status_code == 200
        third = party()
        third.admit(outsider)
        assert outsider.send(content, third.namespace).status_code == 201, "new there"
        assert third.send(content).status_code == 201, "another member's is not theirs"
        kept = [blob for blob in registry.store.stored() if blob.digest == digest]
        assert len(kept) == 1

    def test_answers_as_for_what_nobody_has(self, outsider, pushed, unique):
        known, unknown = outsider.send(pushed[1]), outsider.send(unique.encode())
        assert told(known) == told(unknown)

    def test_in_one_piece_that_is_resumable(self, outsider, pushed):
        digest, content = pushed
        headers = {"Content-Range": f"bytes 0-{len(content) - 1}/{len(content)}"}
        path = outsider.blob(digest)
        assert outsider.client.put(path, content=content, headers=headers).status_code == 201
        assert outsider.client.put(path, content=content, headers=headers).status_code == 200

    def test_of_a_part_needs_the_part_before_it(self, owner, outsider, pushed, problem):
        """What others have is no beginning to go on from."""
        digest, content = pushed
        size = len(content)
        headers = {"Content-Range": f"bytes {size - 1}-{size - 1}/{size}"}
        for party in (owner, outsider):
            answer = party.client.put(party.blob(digest), content=content[-1:], headers=headers)
            assert "stopped at byte 0" in problem(answer, 409, "conflict")["detail"]

    def test_of_other_bytes(self, outsider, pushed, problem):
        answer = outsider.client.put(outsider.blob(pushed[0]), content=b"other bytes")
        problem(answer, 400, "digest-mismatch")
        assert outsider.head(pushed[0]).status_code == 404


class TestBegunUpload:
    @pytest.fixture(name="begun")
    def _begun(self, registry, owner, unique):
        """The digest of a file of which the owner has sent the first half."""
        content = unique.encode() * 50_000
        address = urlsplit(registry.url)
        connection = http.client.HTTPConnection(address.hostname, address.port)
        digest, size = digest_bytes(content), len(content)
        connection.putrequest("PUT", owner.blob(digest))
        connection.putheader("Authorization", owner.client.headers["Authorization"])
        connection.putheader("Content-Length", str(size))
        connection.putheader("Content-Range", f"bytes 0-{size - 1}/{size}")
        connection.endheaders(content[: size // 2])
        connection.close()
        until(lambda: owner.head(digest).headers["upload-offset"] == str(size // 2))
        return digest, content

    def test_is_its_senders_alone(self, owner, outsider, begun, problem):
        digest, content = begun
        owner.admit(outsider)
        size, half = len(content), len(content) // 2
        assert outsider.head(digest).headers["upload-offset"] == "0"
        assert outsider.head(digest, owner.namespace).headers["upload-offset"] == "0"
        headers = {"Content-Range": f"bytes {half}-{size - 1}/{size}"}
        path = owner.blob(digest)
        answer = outsider.client.put(path, content=content[half:], headers=headers)
        assert "stopped at byte 0" in problem(answer, 409, "conflict")["detail"]

        def rest():
            answer = owner.client.put(path, content=content[half:], headers=headers)
            return answer if answer.status_code != 409 else None  # the first may just be ending

        assert until(rest).status_code == 201
        assert owner.head(digest).status_code == 200
        assert outsider.head(digest, owner.namespace).status_code == 404

    def test_goes_on_in_its_namespace_alone(self, owner, party, begun):
        other = party()
        other.admit(owner)
        assert owner.head(begun[0], other.namespace).headers["upload-offset"] == "0"


def test_without_an_object_store_nobody_learns_of_one(owner, outsider, pushed):
    body = {"size": len(pushed[1])}
    answers = [
        party.client.post(f"{party.blob(pushed[0])}/upload", json=body).json()
        for party in (owner, outsider)
    ]
    assert answers == [{"url": None, "headers": {}}] * 2


def test_no_other_path_gives_a_digest_of_others(owner, outsider, secret, pushed, esm_directory):
    """Selectors, files, sketches, packs and neighbours: each where the caller may look."""
    digest = manifest_digest(Manifest.model_validate(version_of(secret)["manifest"]))
    outsider.push(esm_directory("own", seed=5))
    client, get = outsider.client, outsider.client.get
    for namespace in (owner.namespace, outsider.namespace):
        version = f"/v1/esms/{namespace}/esm/versions/{digest}"
        assert get(version).status_code == 404
        for rest in ("files/model.safetensors", "source-model/files/config.json", "similar"):
            assert get(f"{version}/{rest}").status_code == 404
    sketches = client.post("/v1/source-sketches", json={"digests": [digest]})
    assert sketches.json()["items"] == []
    assert owner.client.post("/v1/source-sketches", json={"digests": [digest]}).json()["items"]
    live = owner.client.get("/v1/spaces/possession/live").json()["live"]
    (key,) = [one["key"] for one in live if one["digest"] == digest]
    pack = get("/v1/spaces/possession/pack", params={"key": key}).content
    assert pushed[1] not in pack
    assert pushed[1] in owner.client.get("/v1/spaces/possession/pack", params={"key": key}).content
    seen = get("/v1/spaces/possession/live").json()["live"]
    assert digest not in [one["digest"] for one in seen]
