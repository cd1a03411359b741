"""The largest that is valid: a version's document, a ranking; and a target of vast labels."""

import json
import warnings
from pathlib import Path

import httpx
import numpy as np
from support.artifacts import make_esm, upload
from support.bodies import in_parts

from esm_client.core.artifact.directory import EsmArtifact
from esm_client.core.limits import MAX_CARD_BYTES, MAX_DIMENSION
from esm_client.core.maps.low_rank import LowRankMap
from esm_client.core.scoring.labels import label_map_digest
from esm_client.core.scoring.sketch import TargetSketch
from esm_client.core.scoring.sketch_bytes import FORMAT, VERSION
from esm_client.core.spaces import CANARIES
from esm_client.core.tensors import dump_tensors

SKETCH_DIMENSION = 4093
"""Of the largest sketch that fits into 64 MiB, with one label column."""
RNG = np.random.default_rng(0)


def wide_esm(folder: Path, name: str, dimension: int = MAX_DIMENSION) -> Path:
    """A small map of a wide space; its directory."""
    made = EsmArtifact.read(make_esm(folder, f"{name}-small"))
    assert made.config.space is not None
    space = made.config.space.model_copy(update={"dimension": dimension})
    changed = {"architecture": "low-rank", "dimension": dimension, "space": space}
    left, right = RNG.standard_normal((2, dimension, 2)).astype(np.float32) / dimension**0.5
    wide = LowRankMap(np.ones(1, np.float32), left, right, np.zeros(dimension, np.float32))
    canaries = RNG.standard_normal((len(CANARIES), dimension)).astype(np.float32)
    config = made.config.model_copy(update=changed)
    return EsmArtifact(config, wide, {"canaries": canaries}).write(folder / name)


def version_document(client: httpx.Client, directory: Path, namespace: str, space: str) -> bytes:
    """Of an ESM whose files are uploaded: with the largest card and provenance there may be."""
    fingerprint = EsmArtifact.read(directory).fingerprint
    assert fingerprint is not None
    document = {
        "manifest": upload(client, directory, namespace),
        "space": space,
        "fingerprint": fingerprint.model_dump(mode="json"),
        "card": "\n" * (MAX_CARD_BYTES - 1) + "x",
        "provenance": {f"k{number:05d}": [number] for number in range(3500)},
        "force": True,
    }
    return json.dumps(document).encode()


def full_sketch() -> bytes:
    """The largest target that a ranking may have."""
    columns, rows = SKETCH_DIMENSION + 2, 10_000
    packed = RNG.standard_normal(columns * (columns + 1) // 2)
    packed[0] = rows**0.5
    metadata = {
        "format": FORMAT, "version": VERSION, "kind": "regression", "num_rows": str(rows),
        "dimension": str(SKETCH_DIMENSION), "label_columns": "1", "class_counts": "[]",
        "label_map_digest": label_map_digest("regression", []),
    }  # fmt: skip
    return dump_tensors({"r": packed}, metadata)


def ranking(space: str, sketch: bytes, *more: tuple[str, bytes]) -> bytes:
    """In parts; its answer is a job at once."""
    options = json.dumps({"space": space, "wait": 0}).encode()
    return in_parts(("request", options), ("sketch", sketch), *more)


def labels_attack(space: str, size: int, dimension: int = 16) -> bytes:
    """A ranking with rows of about so many bytes: one row, of millions of labels, none a number."""
    rows = RNG.standard_normal((40, dimension))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        sketch = TargetSketch.from_embeddings(rows, rows[:, :1], kind="regression").to_bytes()
    labels = np.full((1, size // 2), np.nan, dtype=np.float16)
    tensors = {"embeddings": np.ones((1, 1), np.float16), "labels": labels}
    return ranking(space, sketch, ("embedded", dump_tensors(tensors, {"kind": "regression"})))
