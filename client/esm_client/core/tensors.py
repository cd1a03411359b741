"""Reading and writing safetensors with limits: the only tensor format we accept."""

import json
from collections.abc import Collection, Mapping
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from esm_client.core.errors import EsmError, InvalidArtifact
from esm_client.core.json_object import parse_object
from esm_client.core.limits import MAX_TENSOR_HEADER_BYTES

_DTYPES = {"F16": "float16", "F32": "float32", "F64": "float64"}


def dump_tensors(
    tensors: Mapping[str, NDArray[Any]], metadata: Mapping[str, str] | None = None
) -> bytes:
    """Serialise arrays (any shape; float16, 32, 64 or uint64): equal content gives equal bytes."""
    from safetensors.numpy import save

    arrays = {name: np.ascontiguousarray(array) for name, array in tensors.items()}
    data = save(arrays, metadata=dict(metadata) if metadata else None)
    start = 8 + int.from_bytes(data[:8], "little")
    # The library writes metadata in any order, and digests name these bytes.
    header = json.dumps(json.loads(data[8:start]), sort_keys=True, separators=(",", ":")).encode()
    header += b" " * (-len(header) % 8)
    return len(header).to_bytes(8, "little") + header + data[start:]


def load_tensors(
    data: bytes,
    what: str,
    error: type[EsmError] = InvalidArtifact,
    *,
    integers: Collection[str] = (),
) -> tuple[dict[str, NDArray[Any]], dict[str, str]]:
    """Parse safetensors bytes into arrays and metadata.

    Args:
        data: the whole file.
        what: how the error message calls it, for instance "model.safetensors".
        error: the class raised for anything that is not well-formed float tensors.
        integers: names of tensors that are uint64 instead.
    """
    header = _header(data, what, error)
    metadata = header.pop("__metadata__", {})
    for name, entry in header.items():
        dtype = cast("dict[str, Any]", entry).get("dtype") if isinstance(entry, dict) else None
        allowed = {"U64": "uint64"} if name in integers else _DTYPES
        if not isinstance(dtype, str) or dtype not in allowed:
            raise error(
                f"Tensor {name[:80]!r} of {what} has dtype {str(dtype)[:40]!r}.",
                f"Store it as {', '.join(allowed.values())}.",
            )
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        return load(data), cast("dict[str, str]", metadata)
    except (SafetensorError, ValueError, KeyError, TypeError, OverflowError) as cause:
        raise error(
            f"{what} is not a valid safetensors file: {str(cause)[:300]}.", _AGAIN
        ) from cause


_AGAIN = "Write it again with the safetensors library."


def _header(data: bytes, what: str, error: type[EsmError]) -> dict[str, Any]:
    if len(data) < 8:
        raise error(f"{what} holds {len(data)} bytes, too few for a safetensors file.", _AGAIN)
    length = int.from_bytes(data[:8], "little")
    if length > MAX_TENSOR_HEADER_BYTES:
        raise error(
            f"{what} announces a header of {length} bytes; at most {MAX_TENSOR_HEADER_BYTES} "
            "are read, so it is no safetensors file of ours.",
            _AGAIN,
        )
    try:
        header = parse_object(data[8 : 8 + length])
    except ValueError as cause:
        raise error(f"{what} has no readable safetensors header: {cause}.", _AGAIN) from cause
    metadata: object = header.get("__metadata__", {})
    if not isinstance(metadata, dict):
        raise error(f"{what} has metadata that is not an object.", _AGAIN)
    for value in cast("dict[str, object]", metadata).values():
        if not isinstance(value, str):
            raise error(f"{what} has metadata that is not text.", _AGAIN)
    return header
