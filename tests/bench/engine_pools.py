"""Made-up targets and maps for the engine's benchmarks, with spectra like those of real ones."""

import hashlib
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import NamedTemporaryFile

import numpy as np

from esm_client.core.maps.affine import AffineMap
from esm_client.core.maps.low_rank import LowRankMap
from esm_client.core.maps.storage import dump_map
from esm_client.core.scoring.sketch import TargetSketch

warnings.filterwarnings("ignore", category=UserWarning)


def target(rows: int, dimension: int, classes: int, seed: int = 0):
    """Embeddings (N, D) with a power-law spectrum, and labels: classes, or numbers for none."""
    rng = np.random.default_rng(seed)
    axes = np.linalg.qr(rng.normal(size=(dimension, dimension)))[0]
    x = rng.normal(size=(rows, dimension)) * np.arange(1, dimension + 1) ** -0.7 @ axes
    x = x.astype(np.float32)
    noise = rng.normal(size=(rows, max(classes, 1)))
    z = 3.0 * x @ rng.normal(size=(dimension, max(classes, 1))) / np.sqrt(dimension) * 10 + noise
    return (x, z.argmax(axis=1)) if classes else (x, z[:, 0])


def sketch_of(x: np.ndarray, y: np.ndarray) -> TargetSketch:
    """In blocks, as the client does for many rows."""
    kind = "regression" if y.dtype.kind == "f" else "classification"
    return TargetSketch.from_embeddings(x, y, kind=kind)


def a_map(name: str, dimension: int) -> AffineMap | LowRankMap:
    """The map of a name `rank-seed`: rank 0 is full, in float32; others are in half precision."""
    rank, seed = map(int, name.split("-"))
    rng = np.random.default_rng([rank, seed])
    scale = np.array([rng.uniform(0.6, 1.1)])
    wide = max(rank, 24)
    left = rng.normal(size=(dimension, wide)) * np.arange(1, wide + 1) ** -0.5
    right = rng.normal(size=(dimension, wide)) / dimension
    bias = 0.1 * rng.normal(size=dimension)
    if rank:
        parts = (scale, left[:, :rank], right[:, :rank], bias)
        return LowRankMap(*(part.astype(np.float16) for part in parts))
    weight = scale * np.eye(dimension) + left @ right.T
    weight += 0.003 * rng.normal(size=weight.shape) / np.sqrt(dimension)
    return AffineMap(weight.astype(np.float32), bias.astype(np.float32))


class Blobs:
    """Stands for a blob store: the file of a digest is made when it is opened."""

    def __init__(self, dimension: int) -> None:
        self._dimension = dimension
        self._names: dict[str, str] = {}

    def digests(self, rank: int, count: int) -> list[str]:
        """Digests of `count` maps of a rank."""
        names = [f"{rank}-{seed}" for seed in range(count)]
        found = [f"sha256:{hashlib.sha256(name.encode()).hexdigest()}" for name in names]
        self._names |= dict(zip(found, names, strict=True))
        return found

    def map(self, digest: str) -> AffineMap | LowRankMap:
        """The map of a digest."""
        return a_map(self._names[digest], self._dimension)

    @contextmanager
    def open(self, digest: str) -> Iterator[Path]:
        """A file with the map."""
        with NamedTemporaryFile(suffix=".safetensors") as file:
            file.write(dump_map(self.map(digest)))
            file.flush()
            yield Path(file.name)
