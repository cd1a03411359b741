"""Readers of the files of an ESM, of sketches and of packs."""

import io
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from fuzz import seeds
from fuzz.reader import Reader

from esm_client.core.artifact.config import EsmConfig
from esm_client.core.artifact.directory import EsmArtifact
from esm_client.core.artifact.source_model import check_local_file
from esm_client.core.artifact.summary import parse_summary, source_sketches, unpack_vocabulary
from esm_client.core.maps.storage import load_map
from esm_client.core.packs import read_pack
from esm_client.core.scoring.embedded import EmbeddedTarget
from esm_client.core.scoring.sketch import TargetSketch
from esm_client.core.shield.source import TargetHashes
from esm_client.core.tensors import dump_tensors, load_tensors
from esm_server.admission.checks import problems_of
from esm_server.admission.signature import signature_of

_HASHES = TargetHashes.of([["a 1", "b 1"], ["c"]])
_SKETCH = TargetSketch.from_bytes(seeds.SKETCHES[0])


def _config(data: bytes) -> None:
    config = EsmConfig.from_json(data, seeds.D)
    EsmConfig.from_json(config.to_json())
    config.model_dump_json()


def _map(data: bytes) -> None:
    signature_of(load_map(data))  # as a push does


def _summary(data: bytes) -> None:
    unpack_vocabulary(parse_summary(data, seeds.D))


def _source_sketches(data: bytes) -> None:
    found = source_sketches(data)
    if found is not None:
        found.overlap(_HASHES)
        found.similarity(found)
        dump_tensors(found.tensors())


def _sketch(data: bytes) -> None:
    sketch = TargetSketch.from_bytes(data)
    score = sketch.identity_log_maximum_evidence()
    if not np.isfinite(score):
        raise AssertionError(f"the score is {score}")


def _embedded(data: bytes) -> None:
    EmbeddedTarget.from_bytes(data).check(_SKETCH)


def _artifact(name: str) -> Callable[[bytes], None]:
    """One file of an ESM wrong, the others right; then what a push does with it."""

    def read(data: bytes) -> None:
        artifact = EsmArtifact.from_bytes({**seeds.FILES, name: data})
        problems_of(artifact, artifact.fingerprint)

    return read


def _beside(name: str) -> Callable[[bytes], None]:
    """One file beside the digested ones wrong."""
    folder = Path(tempfile.mkdtemp(dir=seeds.FOLDER))
    for file, data in seeds.FILES.items():
        (folder / file).write_bytes(data)

    def read(data: bytes) -> None:
        (folder / name).write_bytes(data)
        artifact = EsmArtifact.read(folder)
        artifact.fingerprint  # noqa: B018
        artifact.source.model_dump_json().encode()

    return read


def _source_model(name: str) -> Callable[[bytes], None]:
    path = Path(tempfile.mkdtemp(dir=seeds.FOLDER)) / name

    def read(data: bytes) -> None:
        path.write_bytes(data)
        check_local_file(name, path)

    return read


def _pack(data: bytes) -> None:
    for entry in read_pack(io.BytesIO(data)):
        entry.read()


def _low_rank(dimension: int) -> bytes:
    ones = np.ones((dimension, 1), np.float16)
    tensors = {"model.scale": ones[0], "model.left": ones, "model.right": ones,
               "model.bias": ones[:, 0]}  # fmt: skip
    return dump_tensors(tensors)


def _wide_sketch(dimension: int, columns: int) -> bytes:
    r = np.zeros(1 + dimension + columns)
    r[0] = r[1 + dimension] = 1.0
    metadata = {
        "format": "esm-target-sketch", "version": "1", "kind": "classification", "num_rows": "1",
        "dimension": str(dimension), "label_columns": str(columns),
        "class_counts": str([1] + [0] * (columns - 1)), "label_map_digest": "sha256:" + "0" * 64,
    }  # fmt: skip
    return dump_tensors({"r": r}, metadata)


DEEP = b"[" * 200_000 + b"]" * 200_000
_WORDS = dump_tensors({"vocabulary": np.full(2**17, 2**64 - 1, np.uint64)})
_HEADERS = [
    len(DEEP).to_bytes(8, "little") + DEEP,
    seeds.header_of({f"t{i}": {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]}
                     for i in range(15_000)}),
    seeds.header_of({"a": {"dtype": "F32", "shape": [0, 2**62], "data_offsets": [0, 0]}}),
    seeds.header_of({"a": {"dtype": "F32", "shape": [1] * 70, "data_offsets": [0, 4]}}, bytes(4)),
]  # fmt: skip

FILE_READERS = [
    Reader("safetensors", "tensors", lambda data: load_tensors(data, "it"), seeds.MAPS, _HEADERS),
    Reader("map", "tensors", _map, seeds.MAPS, [_low_rank(4096)]),
    Reader("summary", "tensors", _summary, seeds.SUMMARIES, [_WORDS, *_HEADERS]),
    Reader("source-sketches", "tensors", _source_sketches, seeds.SUMMARIES),
    Reader("target-sketch", "tensors", _sketch, seeds.SKETCHES, [_wide_sketch(8192, 1000)]),
    Reader("embedded-target", "tensors", _embedded, seeds.EMBEDDED),
    Reader("config", "json", _config, seeds.CONFIGS, [DEEP]),
    Reader("artifact-config", "json", _artifact("config.json"), seeds.CONFIGS),
    Reader("artifact-map", "tensors", _artifact("model.safetensors"), seeds.MAPS[:2]),
    Reader("artifact-summary", "tensors", _artifact("summary.safetensors"), seeds.SUMMARIES),
    Reader("card", "text", _beside("README.md"), [b"# card\n", "\u00e9 \u202e".encode()]),
    Reader("provenance", "json", _beside("provenance.json"), [seeds.PROVENANCE], [DEEP]),
    Reader("source", "json", _beside("source.json"), [seeds.SOURCE], [DEEP]),
    Reader("source-model-weights", "tensors", _source_model("model.safetensors"), seeds.MAPS),
    Reader("source-model-config", "json", _source_model("config.json"), [b'{"a": {"b": [1]}}']),
    Reader("pack", "pack", _pack, [seeds.pack(seeds.PACKED)]),
]
