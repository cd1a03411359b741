"""ESM weights in memory, bounded by bytes, the least recently used dropped first."""

from collections import OrderedDict
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from threading import Lock

from esm_client.core.maps.affine import AffineMap
from esm_client.core.maps.storage import load_map

OpenBlob = Callable[[str], AbstractContextManager[Path]]


class WeightsCache:
    """Maps by the digest of their file, in the precision they were pushed in."""

    def __init__(self, open_blob: OpenBlob, max_bytes: int) -> None:
        self._open_blob = open_blob
        self._max_bytes = max_bytes
        self._maps: OrderedDict[str, AffineMap] = OrderedDict()
        self._bytes = 0
        self._lock = Lock()

    def get(self, digest: str) -> AffineMap:
        """The map of a model.safetensors.

        Raises NotFound, InvalidArtifact, OSError, and NeedsEmbeddings for a map that is not affine.
        """
        with self._lock:
            if digest in self._maps:
                self._maps.move_to_end(digest)
                return self._maps[digest]
        with self._open_blob(digest) as path:  # outside the lock: two may load the same once
            loaded = load_map(path.read_bytes()).as_affine()
        self._keep(digest, loaded)
        return loaded

    def _keep(self, digest: str, loaded: AffineMap) -> None:
        with self._lock:
            if digest in self._maps or _size(loaded) > self._max_bytes:
                return
            self._maps[digest] = loaded
            self._bytes += _size(loaded)
            while self._bytes > self._max_bytes:
                _, dropped = self._maps.popitem(last=False)
                self._bytes -= _size(dropped)


def _size(affine: AffineMap) -> int:
    return affine.weight.nbytes + affine.bias.nbytes
