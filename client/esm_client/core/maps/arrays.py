"""What all maps ask of the arrays they are given."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from esm_client.core.errors import DimensionMismatch, InvalidArtifact, InvalidEmbeddings


def check_embeddings(embeddings: Any, dimension: int) -> None:
    """Raise InvalidEmbeddings or DimensionMismatch unless the shape is (N, dimension)."""
    shape = tuple(embeddings.shape)
    if len(shape) != 2:
        raise InvalidEmbeddings(
            f"Embeddings have shape {shape}.", "Pass an array of shape (rows, D)."
        )
    if shape[1] != dimension:
        raise DimensionMismatch(
            f"These embeddings have {shape[1]} dimensions, the ESM has {dimension}.",
            "Embed the texts with the ESM's own base model, and with the views of its space.",
        )


def alike(embeddings: Any, *arrays: NDArray[Any]) -> tuple[Any, ...]:
    """The arrays as tensors of the embeddings' dtype and device, where these are a tensor.

    A tensor makes its own kind (`new_tensor`), so that torch need not be imported here.
    """
    if isinstance(embeddings, np.ndarray):
        return arrays
    return tuple(embeddings.new_tensor(array) for array in arrays)


def check_finite(arrays: Mapping[str, NDArray[Any]]) -> None:
    """Raise InvalidArtifact for NaN or infinite numbers."""
    for name, array in arrays.items():
        if not np.isfinite(array).all():
            bad = int(array.size - np.isfinite(array).sum())
            raise InvalidArtifact(
                f"The {name} of model.safetensors holds {bad} NaN or infinite numbers.",
                "Train the ESM again; a smaller learning rate usually helps.",
            )
