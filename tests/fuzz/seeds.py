"""Valid inputs of every reader, small ones, the same in every run."""

import atexit
import base64
import json
import shutil
import tempfile
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from esm_client.core.artifact.config import EsmConfig
from esm_client.core.artifact.manifest import digest_bytes
from esm_client.core.artifact.summary import pack_vocabulary
from esm_client.core.maps.affine import AffineMap
from esm_client.core.maps.low_rank import LowRankMap
from esm_client.core.maps.mlp import MlpMap
from esm_client.core.maps.storage import dump_map
from esm_client.core.packs import blob_name, document, esm_name, pack_bytes
from esm_client.core.schemas import FitReport, SourceTask
from esm_client.core.scoring.embedded import EmbeddedTarget
from esm_client.core.scoring.sketch import TargetSketch
from esm_client.core.shield.source import SourceSketches
from esm_client.core.spaces import CANARIES, SpaceIdentity
from esm_client.core.tensors import dump_tensors

FOLDER = Path(tempfile.mkdtemp(prefix="esm-fuzz-"))
"""Where readers of files find them; gone at the end."""
atexit.register(shutil.rmtree, FOLDER, ignore_errors=True)

D = 8
_RNG = np.random.default_rng(0)
_EMBEDDINGS = _RNG.standard_normal((30, D))
_CANARIES = _RNG.standard_normal((len(CANARIES), D)).astype(np.float32)
_IDENTITY = SpaceIdentity(base_model="org/tiny", revision="main", pooling="mean", dimension=D)


def _array(*shape: int, dtype: Any = np.float32) -> Any:
    return _RNG.standard_normal(shape).astype(dtype)


MAPS = [
    dump_map(AffineMap(_array(D, D), _array(D))),
    dump_map(AffineMap(_array(D, D, dtype=np.float16), _array(D, dtype=np.float16))),
    dump_map(LowRankMap(_array(1), _array(D, 2), _array(D, 2), _array(D))),
    dump_map(MlpMap(_array(3, D), _array(3), _array(D, 3), _array(D))),
    dump_tensors({"sequential.0.weight": _array(D, D), "sequential.0.bias": _array(D)}),
]
SUMMARIES = [
    dump_tensors({
        "text_embedding": _array(D), "canaries": _CANARIES, "label_counts": _array(3),
        "vocabulary": pack_vocabulary([1, 5, 700]),
        **SourceSketches.of([[f"a {i}", f"b {i}"] for i in range(20)]).tensors(),
    }),
    dump_tensors({"canaries": _CANARIES}),
    dump_tensors({"vocabulary": pack_vocabulary(range(5000))}),
]  # fmt: skip


def _sketches() -> list[TargetSketch]:
    classes, numbers = np.arange(30) % 3, _RNG.standard_normal((30, 2))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        few = TargetSketch.from_embeddings(_EMBEDDINGS[:3], classes[:3], kind="classification")
        return [
            TargetSketch.from_embeddings(_EMBEDDINGS, classes, kind="classification"),
            TargetSketch.from_embeddings(_EMBEDDINGS, numbers, kind="regression"),
            few,
        ]


def _bytes_of(sketch: TargetSketch) -> bytes:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return sketch.to_bytes()


SKETCHES = [_bytes_of(sketch) for sketch in _sketches()]
EMBEDDED = [
    EmbeddedTarget.of(_EMBEDDINGS, np.arange(30) % 3, kind="classification").to_bytes(),
    EmbeddedTarget.of(_array(30, D), _array(30, 2, dtype=np.float64), kind="regression").to_bytes(),
]
CONFIG = EsmConfig(
    base_model="org/tiny",
    task=SourceTask(
        data_set="test/a", subset="x", text_columns=("text", "pair"), label_column="label",
        split="train", num_rows=100, seed=0, language="en", kind="classification", num_labels=2,
        rows_digest="sha256:" + "1" * 64,
    ),
    dimension=D,
    space=_IDENTITY,
    fit=FitReport(solver="ridge", held_out_mse=0.1, identity_mse=0.2, held_out_rows=20, rank=2),
    developers="somebody",
)  # fmt: skip
PEER_CONFIG = json.dumps({
    "base_model_name": "org/tiny", "task_id": "imdb", "task_subset": None, "text_column": ["a"],
    "label_column": "label", "task_split": "train", "num_examples": 10, "seed": 42,
    "language": ["en", "de"], "version": "0.1.0", "lm_num_epochs": 3, "lm_learning_rate": 2e-5,
})  # fmt: skip
LOW_RANK_CONFIG = CONFIG.model_copy(update={"architecture": "low-rank"})
CONFIGS = [CONFIG.to_json(), PEER_CONFIG.encode(), LOW_RANK_CONFIG.to_json()]
PROVENANCE = b'{"device": "cpu", "seconds": 0.1, "weight_digest": "sha256:%s"}' % (b"2" * 64)
SOURCE = b'{"location": "imdb", "revision": "main", "licence": "mit", "domain": "reviews"}'
FILES = {
    "config.json": CONFIGS[0],
    "model.safetensors": MAPS[0],
    "summary.safetensors": SUMMARIES[0],
}
MANIFEST = {
    "files": {
        name: {"sha256": digest_bytes(data), "size": len(data)} for name, data in FILES.items()
    }
}
FINGERPRINT = {
    "identity": _IDENTITY.model_dump(), "weight_digest": "sha256:" + "2" * 64,
    "tokenizer_digest": None, "canaries": _CANARIES.astype(float).tolist(),
}  # fmt: skip
VERSION = {
    "manifest": MANIFEST, "space": "tiny", "fingerprint": FINGERPRINT, "card": "# card\n",
    "provenance": json.loads(PROVENANCE), "source": json.loads(SOURCE), "force": False,
}  # fmt: skip
PACKED = json.dumps({**VERSION, "name": "packed"}).encode()


def pack(esm: bytes, *, content: bytes = b'{"lost": ["team/gone"]}') -> bytes:
    """A pack of one ESM with its files."""
    blobs = [document(blob_name(digest_bytes(data)), data) for data in FILES.values()]
    own = [document("pack.json", content)] if content else []
    return b"".join(pack_bytes([*own, *blobs, document(esm_name(0), esm)]))


def b64(data: bytes) -> str:
    """As it travels inside JSON."""
    return base64.b64encode(data).decode()


def header_of(header: dict[str, Any], body: bytes = b"") -> bytes:
    """A safetensors file with this header, true or not."""
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + body
