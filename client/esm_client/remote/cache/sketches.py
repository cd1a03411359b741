"""Source sketches on disk, by version digest: a version's never changes."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from pydantic import ValidationError

from esm_client.core.disk import write_whole
from esm_client.core.errors import InvalidArtifact
from esm_client.core.limits import MAX_PAGE_ROWS
from esm_client.core.references import check_digest
from esm_client.core.schemas import SourceSketch
from esm_client.core.shield.sketch import SetSketch
from esm_client.core.shield.source import SourceSketches

if TYPE_CHECKING:  # a cache is also opened where nothing is fetched
    from esm_client.remote.resources.source_sketches import SourceSketchResource


class CachedSketches:
    """Sketches below one directory: `<2 hex digits>/<64 hex digits>.json`."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def fetch(
        self, resource: "SourceSketchResource", digests: Sequence[str]
    ) -> dict[str, SourceSketches]:
        """The sketches of these versions, asking the registry for those not seen before."""
        known = {digest: found for digest in digests if (found := self._read(digest))}
        missing = [digest for digest in dict.fromkeys(digests) if digest not in known]
        for some in _batches(missing):
            for sketch in resource.query(some):
                if sketch.digest in some:
                    path = self._path(sketch.digest)
                    path.parent.mkdir(parents=True, exist_ok=True)
                    write_whole(path, sketch.model_dump_json().encode())
                    known[sketch.digest] = sketch
        return {digest: parsed for digest, one in known.items() if (parsed := _parsed(one))}

    def _read(self, digest: str) -> SourceSketch | None:
        try:
            return SourceSketch.model_validate_json(self._path(digest).read_bytes())
        except (FileNotFoundError, ValidationError):
            return None

    def _path(self, digest: str) -> Path:
        digits = check_digest(digest).removeprefix("sha256:")
        return self.directory / digits[:2] / f"{digits}.json"


def _batches(digests: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(digests), MAX_PAGE_ROWS):
        yield digests[start : start + MAX_PAGE_ROWS]


def _parsed(sketch: SourceSketch) -> SourceSketches | None:
    """Hashes from bytes; None for bytes that are none, which then count as no sketch."""
    try:
        rows = SetSketch(_hashes(sketch.rows), sketch.num_rows)
        texts = SetSketch(_hashes(sketch.texts), sketch.num_texts) if sketch.texts else rows
    except (ValueError, InvalidArtifact):
        return None
    return SourceSketches(rows, texts, sketch.rule)


def _hashes(data: bytes) -> np.ndarray[tuple[int], np.dtype[np.uint64]]:
    return np.frombuffer(data, dtype="<u8").astype(np.uint64)
