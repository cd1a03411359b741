"""A target sketch as safetensors bytes, read as if an enemy had written them."""

import json
import re
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from esm_client.core.errors import InvalidSketch
from esm_client.core.limits import MAX_DIMENSION, MAX_LABEL_COLUMNS
from esm_client.core.references import DIGEST_PATTERN
from esm_client.core.scoring.factor import TriangularFactor
from esm_client.core.scoring.labels import Kind
from esm_client.core.scoring.sketch_content import SketchContent
from esm_client.core.scoring.views import Views
from esm_client.core.tensors import dump_tensors, load_tensors

Array = NDArray[np.float64]

FORMAT = "esm-target-sketch"
VERSION, WIDE_VERSION = "1", "2"
"""Of sketches of x alone; and of those with views, whose header names number and basis."""
MAX_ROWS = 2**53  # row counts stay exact as float64
MAX_MAGNITUDE = 1e200  # entries whose squares a score might need, with room to spare
RELATIVE_TOLERANCE = 1e-9

_AGAIN = "Make the sketch again with TargetSketch.from_embeddings and send it unchanged."


def encode_sketch(content: SketchContent) -> bytes:
    """Safetensors bytes: tensor `r`, the rows of the triangle one after the other."""
    factor = content.filled()
    metadata = {
        "format": FORMAT,
        "version": VERSION if content.views is None else WIDE_VERSION,
        "kind": content.kind,
        "num_rows": str(factor.num_rows),
        "dimension": str(content.dimension),
        "label_columns": str(content.label_columns),
        "class_counts": json.dumps(content.class_counts, separators=(",", ":")),
        "label_map_digest": content.label_map_digest,
    }
    if content.views is not None:
        metadata |= {"views": str(content.views.count), "basis": content.views.basis}
    r = factor.matrix()
    packed = np.concatenate([row[index:] for index, row in enumerate(r)])
    return dump_tensors({"r": packed}, metadata)


def decode_sketch(data: bytes) -> SketchContent:
    """The content of sketch bytes; InvalidSketch for anything that is not consistent.

    >>> decode_sketch(b"no sketch")
    Traceback (most recent call last):
        ...
    esm_client.core.errors.InvalidSketch: ...
    """
    tensors, metadata = load_tensors(data, "the sketch", InvalidSketch)
    expected = {
        "format", "version", "kind", "num_rows", "dimension", "label_columns",
        "class_counts", "label_map_digest",
    }  # fmt: skip
    version = metadata.get("version", "")
    if version == WIDE_VERSION:
        expected |= {"views", "basis"}
    if not set(metadata) >= expected or metadata["format"] != FORMAT:
        raise _invalid("its header is not that of a target sketch")
    if version not in (VERSION, WIDE_VERSION):
        raise InvalidSketch(
            f"The sketch has format version {version[:20]!r}; this reads {VERSION} and "
            f"{WIDE_VERSION}.",
            "Use the same version of the package on both sides.",
        )
    if set(metadata) != expected:
        raise _invalid("its header is not that of a target sketch")
    kind = metadata["kind"]
    if kind not in ("classification", "regression"):
        raise _invalid(f"its kind is {kind[:20]!r}")
    if not re.fullmatch(DIGEST_PATTERN, metadata["label_map_digest"]):
        raise _invalid("its label map digest is not a SHA-256 digest")
    num_rows = _number(metadata["num_rows"], "num_rows", MAX_ROWS)
    dimension = _number(metadata["dimension"], "dimension", MAX_DIMENSION)
    columns = _number(metadata["label_columns"], "label_columns", MAX_LABEL_COLUMNS)
    counts = _counts(metadata["class_counts"], kind, columns, num_rows)
    views = _views(metadata, dimension) if version == WIDE_VERSION else None
    width = dimension + (views.count if views else 0)
    r = _unpack(tensors, num_rows, 1 + width + columns)
    _check_consistent(r, num_rows, width, counts)
    names: list[str] | None = None if kind == "classification" else []
    factor = TriangularFactor.from_matrix(num_rows, r)
    return SketchContent(
        kind, dimension, names, counts, metadata["label_map_digest"], factor, views
    )


def _invalid(reason: str) -> InvalidSketch:
    return InvalidSketch(f"These bytes are not a usable target sketch: {reason}.", _AGAIN)


def _number(text: str, name: str, largest: int) -> int:
    if not re.fullmatch("[1-9][0-9]{0,15}", text, flags=re.ASCII) or int(text) > largest:
        raise _invalid(f"{name} is {text[:20]!r}, not a whole number from 1 to {largest}")
    return int(text)


def _views(metadata: dict[str, str], dimension: int) -> Views:
    if not re.fullmatch(DIGEST_PATTERN, metadata["basis"]):
        raise _invalid("the basis of its views is not a SHA-256 digest")
    return Views(_number(metadata["views"], "views", dimension), metadata["basis"])


def _counts(text: str, kind: Kind, columns: int, num_rows: int) -> list[int]:
    try:
        parsed: Any = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _invalid("its class counts are not JSON") from error
    if not isinstance(parsed, list):
        raise _invalid("its class counts are not a list")
    counts = cast("list[object]", parsed)
    if kind == "regression":
        if counts:
            raise _invalid("it is a regression sketch with class counts")
        return []
    whole = [count for count in counts if type(count) is int and count >= 0]
    if len(whole) != len(counts) or len(whole) != columns or sum(whole) != num_rows:
        raise _invalid(
            f"its class counts are not {columns} whole numbers that add up to {num_rows}"
        )
    return whole


def _unpack(tensors: dict[str, NDArray[Any]], num_rows: int, columns: int) -> Array:
    rows = min(num_rows, columns)
    length = rows * columns - rows * (rows - 1) // 2
    packed = tensors.get("r")
    if len(tensors) != 1 or packed is None or packed.dtype != np.float64:
        raise _invalid("it must hold one float64 tensor named r")
    if packed.shape != (length,):
        raise _invalid(f"r has shape {packed.shape}, expected ({length},)")
    # NaN fails the comparisons as well.
    if not (packed.min() >= -MAX_MAGNITUDE and packed.max() <= MAX_MAGNITUDE):
        raise _invalid(f"r holds NaN, infinity or a magnitude above {MAX_MAGNITUDE:g}")
    r = np.zeros((rows, columns))
    start = 0
    for index in range(rows):
        stop = start + columns - index
        r[index, index:] = packed[start:stop]
        start = stop
    return r


def _check_consistent(r: Array, num_rows: int, width: int, counts: list[int]) -> None:
    if r[0, 0] <= 0.0 or abs(r[0, 0] ** 2 - num_rows) > RELATIVE_TOLERANCE * num_rows:
        raise _invalid(f"r does not belong to {num_rows} rows")
    if not counts:
        return
    # One-hot columns: their sums and squares are the counts, their products zero.
    labels = r[:, 1 + width :]
    if np.max(np.abs(labels)) > 2.0 * np.sqrt(num_rows):
        raise _invalid("its label columns are not those of classes")
    error = np.abs(labels.T @ labels - np.diag(np.asarray(counts, dtype=np.float64)))
    sums = np.abs(r[0, 0] * labels[0] - counts)
    if max(float(error.max()), float(sums.max())) > RELATIVE_TOLERANCE * num_rows:
        raise _invalid("r and the class counts contradict each other")
