"""`summary.safetensors`: what later methods need of a source, without its rows.

text_embedding  (D,)    mean base embedding of the source texts (TextEmb, Vu et al. 2020)
canaries        (5, Z)  the base model's embeddings of the canary sentences, with views
x_right, x_bias         (D, q), (D,) what stands for Q and b of a wide map where there are no views
label_counts    (C,)    rows per class, in no told order of names; tags per tag
label_moments   (2,)    mean and standard deviation of regression labels
vocabulary      (V/64,) uint64, one bit for each token id that occurs (vocabulary overlap)
source_*                sketches of the source's rows (core.shield)
"""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from esm_client.core.errors import InvalidArtifact
from esm_client.core.shield.source import TENSORS, SourceSketches
from esm_client.core.spaces import CANARIES
from esm_client.core.tensors import load_tensors

FILE = "summary.safetensors"
VOCABULARY = "vocabulary"
X_RIGHT, X_BIAS = "x_right", "x_bias"
_INTEGERS = (*TENSORS, VOCABULARY)
_WORD = 64
MAX_TOKENS = 2**20
"""Token ids below it fit: more than any tokenizer knows, and no file makes a set without end."""


def parse_summary(data: bytes, dimension: int, views: int = 0) -> dict[str, NDArray[Any]]:
    """Read and check the bytes of the file; raises InvalidArtifact. Other tensors are kept."""
    summary, _ = load_tensors(data, FILE, integers=_INTEGERS)
    SourceSketches.from_tensors(summary)
    shapes = {"text_embedding": (dimension,), "canaries": (len(CANARIES), dimension + views)}
    for name, array in summary.items():
        if name in shapes and array.shape != shapes[name]:
            raise InvalidArtifact(
                f"{name} in {FILE} has shape {array.shape}, not {shapes[name]}.",
                "Write the summary again from the same base model.",
            )
        if name == VOCABULARY and not (array.ndim == 1 and len(array) <= MAX_TOKENS // _WORD):
            raise InvalidArtifact(
                f"{name} in {FILE} has shape {array.shape}; it is one axis of at most "
                f"{MAX_TOKENS // _WORD} words.",
                "Write the summary again from the same base model.",
            )
        if not np.isfinite(array).all():
            raise InvalidArtifact(
                f"{name[:80]!r} in {FILE} holds NaN or infinite numbers.", "Write it again."
            )
    return summary


def source_sketches(data: bytes) -> SourceSketches | None:
    """What the bytes of the file reveal of the source's rows, if anything; InvalidArtifact."""
    summary, _ = load_tensors(data, FILE, integers=_INTEGERS)
    return SourceSketches.from_tensors(summary)


def pack_vocabulary(token_ids: Iterable[int]) -> NDArray[np.uint64]:
    """A set of token ids as bits: bit i % 64 of word i // 64."""
    ids = np.unique(np.fromiter(token_ids, dtype=np.int64))
    words = np.zeros(int(ids.max()) // _WORD + 1 if len(ids) else 1, dtype=np.uint64)
    np.bitwise_or.at(words, ids // _WORD, np.uint64(1) << (ids % _WORD).astype(np.uint64))
    return words


def unpack_vocabulary(summary: Mapping[str, NDArray[Any]]) -> set[int] | None:
    """The token ids that occur in a source; None where the summary does not tell.

    >>> sorted(unpack_vocabulary({"vocabulary": pack_vocabulary([3, 64, 3])}))
    [3, 64]
    """
    words = summary.get(VOCABULARY)
    if words is None:
        return None
    little = words.astype("<u8").view(np.uint8)
    return set(np.flatnonzero(np.unpackbits(little, bitorder="little")).tolist())
