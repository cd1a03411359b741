"""Maps as blobs in a folder, from which pools are filled."""

import hashlib
from contextlib import contextmanager

import pytest

from esm_client.core.errors import NotFound
from esm_client.core.maps.storage import dump_map


class Blobs:
    def __init__(self, folder):
        self.folder, self.maps, self.opened = folder, {}, 0

    def add(self, esm_map):
        data = dump_map(esm_map)
        digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
        (self.folder / digest).write_bytes(data)
        self.maps[digest] = esm_map
        return digest

    @contextmanager
    def open(self, digest):
        self.opened += 1
        if not (self.folder / digest).exists():
            raise NotFound(digest)
        yield self.folder / digest


@pytest.fixture(name="blobs")
def _blobs(tmp_path):
    (tmp_path / "blobs").mkdir()
    return Blobs(tmp_path / "blobs")
