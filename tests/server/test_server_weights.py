"""The weights cache keeps within its bytes and gives what was asked for."""

from contextlib import contextmanager

import numpy as np
import pytest

from esm_client.core.errors import NotFound
from esm_client.core.maps.affine import AffineMap
from esm_client.core.maps.storage import dump_map
from esm_server.engine.weights import WeightsCache

MAP_BYTES = (4 * 4 + 4) * 8


class Blobs:
    """Blobs on disk, counting how often each is opened."""

    def __init__(self, directory):
        self.directory, self.opened = directory, []
        for index in range(4):
            affine = AffineMap(np.full((4, 4), float(index)), np.zeros(4))
            (directory / str(index)).write_bytes(dump_map(affine))

    @contextmanager
    def open(self, digest):
        self.opened.append(digest)
        if not (self.directory / digest).exists():
            raise NotFound(digest)
        yield self.directory / digest


@pytest.fixture(name="blobs")
def _blobs(tmp_path):
    return Blobs(tmp_path)


def test_the_least_recently_used_is_dropped(blobs):
    cache = WeightsCache(blobs.open, 2 * MAP_BYTES)
    for digest in ("0", "1", "0", "2", "0", "1"):
        assert cache.get(digest).weight[0, 0] == float(digest)
    assert blobs.opened == ["0", "1", "2", "1"]


def test_nothing_is_kept_without_room(blobs):
    cache = WeightsCache(blobs.open, MAP_BYTES - 1)
    assert [cache.get("3").weight[0, 0] for _ in range(2)] == [3.0, 3.0]
    assert blobs.opened == ["3", "3"]


def test_failure_is_not_remembered(blobs):
    cache = WeightsCache(blobs.open, 2 * MAP_BYTES)
    with pytest.raises(NotFound):
        cache.get("9")
    (blobs.directory / "9").write_bytes((blobs.directory / "1").read_bytes())
    assert cache.get("9").weight[0, 0] == 1.0
