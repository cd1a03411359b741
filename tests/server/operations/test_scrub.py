"""`scrub` finds a flipped byte, and goes on where it was interrupted."""

import pytest
from server.operations.conftest import model_of_b
from support.storage import overwrite

from esm_server.operations.hashing import Pace
from esm_server.operations.scrub import scrub


def flip(running, digest):
    data = bytearray().join(running.store.read(digest, 0, running.store.size(digest)))
    data[len(data) // 2] ^= 1
    overwrite(running.data_dir, digest, bytes(data))


def test_a_flipped_byte(served, parts, command, push, tmp_path):
    sound = command(served, "scrub")
    assert (sound["damaged"], sound["blobs"]) == ([], 10)
    digest = model_of_b(served)
    flip(served, digest)
    (damaged,) = command(served, "scrub", status=3)["damaged"]
    assert damaged["digest"] == digest
    assert damaged["needed_by"] == ["n/b@1 model.safetensors"]
    assert damaged["set_aside"] is None
    (damaged,) = command(served, "scrub", "--repair", status=3)["damaged"]
    assert damaged["set_aside"].endswith(digest[7:])
    push(tmp_path / "b2", "n/b", server=served, space="space").raise_for_status()
    assert command(served, "scrub")["damaged"] == []


def test_interrupted_it_goes_on(filled, parts):
    with parts(filled) as registry:
        digests = sorted(blob.digest for blob in registry.store.stored())
        flip(filled, digests[0])
        seen = []

        def interrupt(done, total):
            seen.append(done)
            if len(seen) == 4:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            scrub(registry, Pace(), watch=interrupt)
        rest = scrub(registry, Pace())
        assert rest.resumed
        assert rest.blobs == len(digests) - 4 + 1  # what was damaged is looked at again
        assert [blob.digest for blob in rest.damaged] == digests[:1]
        whole = scrub(registry, Pace())
        assert (whole.resumed, whole.blobs) == (False, len(digests))


def test_what_was_stored_lately_is_left_out(filled, command):
    assert command(filled, "scrub", "--only-older", "1h")["blobs"] == 0


@pytest.mark.parametrize("words", [("--rate", "fast"), ("--rate", "0"), ("--only-older", "1y")])
def test_wrong_input(filled, refused, words):
    assert " is no " in refused(filled, "scrub", *words)
