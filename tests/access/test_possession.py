"""A digest is no proof of possession: who names a file has sent it, or their namespace has it."""

import random
import secrets
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from threading import Event

import numpy as np
import pytest
from access.parties import contents, parties, version_of
from support.artifacts import upload
from support.waiting import until

from esm_client.core.artifact.manifest import digest_bytes
from esm_client.core.packs import blob_name, document, esm_name, pack_bytes
from esm_client.core.schemas import PackedEsm
from esm_client.core.tensors import dump_tensors
from esm_server.operations.gc import sweep
from esm_server.operations.opening import opened

DAY = "2020-01-01 00:00:00"
"""Longer ago than any upload counts."""


def digests(directory):
    return {name: digest_bytes(content) for name, content in contents(directory).items()}


def is_there(party, name="esm"):
    return party.client.get(f"/v1/esms/{party.namespace}/{name}").status_code == 200


def source_model():
    """The files of one that nobody else has."""
    weights = np.frombuffer(secrets.token_bytes(400), np.uint8).astype(np.float32)
    return {
        "config.json": f'{{"model_type": "bert", "x": "{secrets.token_hex(8)}"}}'.encode(),
        "model.safetensors": dump_tensors({"w": weights}),
    }


def packed(directory, blobs):
    """A pack of one ESM with some blobs, given as digest and bytes."""
    esm = PackedEsm.model_validate({**version_of(directory), "name": "esm", "space": "possession"})
    members = [document(blob_name(digest), content) for digest, content in blobs]
    members.append(document(esm_name(0), esm.model_dump_json().encode()))
    return b"".join(pack_bytes(members))


class TestCommit:
    def test_by_digests_alone(self, owner, outsider, secret, refused, esm_directory, unique):
        owner.push(secret)
        never_sent = esm_directory(f"{unique}-b", seed=secrets.randbits(31), rows=[["x"], ["y"]])
        known = refused(outsider.commit(secret), digests(secret)["config.json"])
        assert known == refused(outsider.commit(never_sent), digests(never_sent)["config.json"])
        assert not is_there(outsider)

    def test_into_a_namespace_that_is_made_by_it(self, owner, outsider, secret, unique, refused):
        owner.push(secret)
        refused(outsider.commit(secret, namespace=unique), digests(secret)["config.json"])
        assert outsider.client.get(f"/v1/namespaces/{unique}").status_code == 404

    @pytest.mark.parametrize("missing", ["config.json", "model.safetensors", "summary.safetensors"])
    def test_with_one_file_of_others_among_own(self, owner, outsider, secret, refused, missing):
        owner.push(secret)
        for name, content in contents(secret).items():
            if name != missing:
                outsider.send(content).raise_for_status()
        assert missing in refused(outsider.commit(secret), digests(secret)[missing])
        assert not is_there(outsider)

    def test_of_what_was_sent_is_taken(self, owner, outsider, secret):
        theirs, own = owner.push(secret), outsider.push(secret)
        assert own["manifest"] == theirs["manifest"]
        path = f"/v1/esms/{outsider.namespace}/esm/versions/1/files/model.safetensors"
        sent = contents(secret)["model.safetensors"]
        assert outsider.client.get(path).content == sent

    def test_names_what_the_namespace_has(self, owner, secret):
        owner.push(secret)
        assert owner.commit(secret, "again").status_code == 201

    def test_of_what_was_sent_elsewhere(self, party, outsider, secret, refused):
        """The right to send into one namespace says nothing of another."""
        other = party()
        other.admit(outsider)
        for content in contents(secret).values():
            outsider.send(content, other.namespace).raise_for_status()
        refused(outsider.commit(secret), digests(secret)["config.json"])
        assert outsider.commit(secret, namespace=other.namespace).status_code == 201

    def test_of_what_another_member_sent(self, owner, outsider, secret, refused):
        owner.admit(outsider)
        upload(owner.client, secret, owner.namespace)
        theirs = outsider.commit(secret, namespace=owner.namespace)
        refused(theirs, digests(secret)["config.json"])
        assert owner.commit(secret).status_code == 201
        assert outsider.commit(secret, "b", owner.namespace).status_code == 201

    def test_by_a_former_member(self, owner, outsider, secret, refused):
        owner.push(secret)
        owner.admit(outsider)
        for content in contents(secret).values():
            outsider.send(content, owner.namespace).raise_for_status()
        owner.expel(outsider)
        refused(outsider.commit(secret), digests(secret)["config.json"])
        gone = outsider.commit(secret, "b", owner.namespace)
        assert (gone.status_code, gone.json()["code"]) == (404, "not-found")
        assert "no namespace" in gone.json()["detail"]

    def test_of_what_was_sent_too_long_ago(self, registry, outsider, secret, refused):
        upload(outsider.client, secret, outsider.namespace)
        old = "UPDATE uploads SET ended_at = :day WHERE namespace = :namespace"
        registry.query(old, day=DAY, namespace=outsider.namespace)
        name, digest = "config.json", digests(secret)["config.json"]
        assert outsider.head(digest).status_code == 404
        refused(outsider.commit(secret), digest)
        assert outsider.send(contents(secret)[name]).status_code == 201
        assert outsider.head(digest).status_code == 200
        assert outsider.push(secret)["version"] == 1


class TestPack:
    def test_that_leaves_all_files_out(self, owner, outsider, secret):
        owner.push(secret)
        self._refused(outsider, packed(secret, []), digests(secret)["config.json"])

    def test_that_leaves_one_file_out(self, owner, outsider, secret):
        owner.push(secret)
        own = [(digest_bytes(c), c) for n, c in contents(secret).items() if "model" not in n]
        self._refused(outsider, packed(secret, own), digests(secret)["model.safetensors"])

    @pytest.mark.parametrize("content", [b"", b"other bytes"])
    def test_with_other_bytes_under_a_digest(self, owner, outsider, secret, content):
        """A store does not read what it has already."""
        owner.push(secret)
        blobs = [(digest, content) for digest in digests(secret).values()]
        path = f"/v1/namespaces/{outsider.namespace}/packs"
        answer = outsider.client.post(path, content=packed(secret, blobs))
        assert (answer.status_code, answer.json()["code"]) == (400, "digest-mismatch")
        assert outsider.commit(secret).status_code == 404
        assert not is_there(outsider)

    def test_with_all_files(self, owner, outsider, secret):
        owner.push(secret)
        own = [(digest_bytes(content), content) for content in contents(secret).values()]
        path = f"/v1/namespaces/{outsider.namespace}/packs"
        answer = outsider.client.post(path, content=packed(secret, own))
        assert answer.json()["results"][0]["version"] == 1

    def _refused(self, party, pack, digest):
        answer = party.client.post(f"/v1/namespaces/{party.namespace}/packs", content=pack)
        (result,) = answer.raise_for_status().json()["results"]
        assert result["problem"]["code"] == "not-found"
        assert digest in result["problem"]["detail"]
        assert not is_there(party)


class TestSourceModel:
    @pytest.fixture(name="both")
    def _both(self, owner, outsider, secret, esm_directory, unique):
        """Two parties with an ESM each."""
        owner.push(secret)
        outsider.push(esm_directory(f"{unique}-own", seed=secrets.randbits(31)))
        return owner, outsider

    def test_by_digests_alone(self, both, refused):
        owner, outsider = both
        files, never_sent = source_model(), source_model()
        for content in files.values():
            owner.send(content).raise_for_status()
        assert owner.attach(files).status_code == 200
        known = refused(outsider.attach(files), digest_bytes(files["config.json"]))
        unknown = refused(outsider.attach(never_sent), digest_bytes(never_sent["config.json"]))
        assert known == unknown
        outsider.send(files["config.json"]).raise_for_status()
        refused(outsider.attach(files), digest_bytes(files["model.safetensors"]))
        outsider.send(files["model.safetensors"]).raise_for_status()
        assert outsider.attach(files).status_code == 200

    def test_files_of_an_esm_of_others(self, both, secret, refused):
        _, outsider = both
        files = {**source_model(), "model.safetensors": contents(secret)["model.safetensors"]}
        outsider.send(files["config.json"]).raise_for_status()
        refused(outsider.attach(files), digest_bytes(files["model.safetensors"]))

    def test_of_an_esm_that_one_may_not_see_tells_nothing_of_files(self, both):
        owner, outsider = both
        files = source_model()
        for content in files.values():
            owner.send(content).raise_for_status()
        path = f"/v1/esms/{owner.namespace}/esm/versions/1/source-model"
        listed = {n: {"sha256": digest_bytes(c), "size": len(c)} for n, c in files.items()}
        answer = outsider.client.put(path, json={"files": listed})
        assert answer.status_code == 404
        assert "no ESM named" in answer.json()["detail"]

    def test_that_was_begun_before_the_server_noted_uploads(self, registry, both):
        """An earlier client asks for each file, and sends again what it is told is missing."""
        _, outsider = both
        files = source_model()
        for content in files.values():
            outsider.send(content).raise_for_status()
        none = "DELETE FROM uploads WHERE namespace = :namespace"
        registry.query(none, namespace=outsider.namespace)
        for content in files.values():
            path, size = outsider.blob(digest_bytes(content)), len(content)
            assert outsider.client.head(path).headers["upload-offset"] == "0"
            headers = {"Content-Range": f"bytes 0-{size - 1}/{size}"}
            outsider.client.put(path, content=content, headers=headers).raise_for_status()
        assert outsider.attach(files).status_code == 200

    def test_that_was_removed_does_not_come_back(self, both, refused):
        owner, _ = both
        files = source_model()
        for content in files.values():
            owner.send(content).raise_for_status()
        owner.attach(files).raise_for_status()
        path = f"/v1/esms/{owner.namespace}/esm/versions/1/source-model"
        owner.root.delete(path).raise_for_status()
        refused(owner.attach(files), digest_bytes(files["config.json"]))


class TestDeleted:
    def test_content_does_not_come_back_by_its_digest(
        self, registry, owner, outsider, secret, refused
    ):
        """Not even for who sent it: they would have to send it again."""
        owner.push(secret)
        owner.root.delete(f"/v1/esms/{owner.namespace}/esm").raise_for_status()
        for name, digest in digests(secret).items():
            assert registry.store.size(digest) is not None, f"{name} is not swept yet"
        for party in (owner, outsider):
            refused(party.commit(secret), digests(secret)["config.json"])
            assert party.head(digests(secret)["model.safetensors"]).status_code == 404
        assert owner.push(secret)["version"] == 1

    def test_version_of_several(self, owner, secret, esm_directory, unique, refused):
        """What another version of the namespace names stays."""
        owner.push(secret)
        other = esm_directory(f"{unique}-2", seed=secrets.randbits(31), rows=[["z"]])
        (other / "model.safetensors").write_bytes((secret / "model.safetensors").read_bytes())
        owner.push(other)
        owner.root.delete(f"/v1/esms/{owner.namespace}/esm/versions/1").raise_for_status()
        assert owner.head(digests(secret)["model.safetensors"]).status_code == 200
        refused(owner.commit(secret), digests(secret)["config.json"])


def test_beside_gc_and_deletions(start_registry, esm_directory):
    """Whatever its owner and sweeps do meanwhile, nobody else gets it."""
    running, over, counts = start_registry(), Event(), Counter()
    directory = esm_directory("raced", seed=secrets.randbits(31))
    with parties(running) as party, opened(running.settings) as registry:
        owner, outsider = party(), party()

        def take():
            answers = []
            while not over.is_set():
                answers.append(outsider.commit(directory).status_code)
                answers.append(outsider.head(digests(directory)["config.json"]).status_code)
            return answers

        def are_two_over_since(before):
            return over.is_set() or counts["pushes"] >= before + 2

        def clean():
            while not over.is_set():
                counts["removed"] += sweep(registry, timedelta(0)).removed
                until(partial(are_two_over_since, counts["pushes"]))  # one is left in peace
                over.wait(random.uniform(0, 0.2))

        def is_pushed():
            upload(owner.client, directory, owner.namespace)
            status = owner.commit(directory).status_code
            counts["pushes"] += 1
            assert status in (201, 404)
            return status == 201

        def is_pushed_and_deleted():
            until(is_pushed)
            owner.root.delete(f"/v1/esms/{owner.namespace}/esm").raise_for_status()
            counts["rounds"] += 1
            return counts["rounds"] >= 15 and counts["removed"] > 0

        with ThreadPoolExecutor(2) as pool:
            taken, swept = pool.submit(take), pool.submit(clean)
            try:
                until(is_pushed_and_deleted)
            finally:
                over.set()
        swept.result()
        assert set(taken.result()) == {404}
        assert len(taken.result()) > 10
