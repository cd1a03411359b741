"""The map itself: f(x) = W x + b, read from and written to `model.safetensors`."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from esm_client.core.errors import DimensionMismatch, InvalidArtifact, InvalidEmbeddings
from esm_client.core.tensors import dump_tensors, load_tensors

_LAYOUTS = (
    ("model.weight", "model.bias"),
    ("sequential.0.weight", "sequential.0.bias"),  # hf-dataset-selector 0.1.0
)


@dataclass(frozen=True, slots=True)
class AffineMap:
    """An affine embedding space map (Schulte et al. 2024, section 3).

    weight: (D, D), bias: (D,), in the floating dtype they were pushed in.
    """

    weight: NDArray[Any]
    bias: NDArray[Any]

    @property
    def dimension(self) -> int:
        """D, the width of the embeddings."""
        return self.bias.shape[0]

    def apply(self, embeddings: NDArray[Any]) -> NDArray[Any]:
        """Transform base embeddings (N, D) into approximate source-model embeddings (N, D).

        Raises InvalidEmbeddings for another number of axes, DimensionMismatch for another width.
        """
        if embeddings.ndim != 2:
            raise InvalidEmbeddings(
                f"Embeddings have shape {embeddings.shape}.", "Pass an array of shape (rows, D)."
            )
        if embeddings.shape[1] != self.dimension:
            raise DimensionMismatch(
                f"These embeddings have {embeddings.shape[1]} dimensions, the ESM has "
                f"{self.dimension}.",
                "Embed the texts with the ESM's own base model.",
            )
        return embeddings @ self.weight.T + self.bias

    def to_bytes(self) -> bytes:
        """`model.safetensors` in the layout that hf-dataset-selector 0.2 reads."""
        weight_name, bias_name = _LAYOUTS[0]
        return dump_tensors(
            {weight_name: self.weight, bias_name: self.bias}, metadata={"format": "pt"}
        )

    @classmethod
    def from_bytes(cls, data: bytes) -> "AffineMap":
        """Read `model.safetensors`; raises InvalidArtifact unless it is one finite affine map."""
        tensors, _ = load_tensors(data, "model.safetensors")
        for weight_name, bias_name in _LAYOUTS:
            if set(tensors) == {weight_name, bias_name}:
                return _checked(tensors[weight_name], tensors[bias_name])
        raise InvalidArtifact(
            f"model.safetensors holds the tensors {sorted(tensors)[:6]}.",
            "A linear ESM holds exactly model.weight and model.bias.",
        )


def _checked(weight: NDArray[Any], bias: NDArray[Any]) -> AffineMap:
    if bias.ndim != 1 or bias.size == 0 or weight.shape != (bias.size, bias.size):
        raise InvalidArtifact(
            f"model.safetensors holds a weight of shape {weight.shape} and a bias of shape "
            f"{bias.shape}.",
            "A linear ESM has a (D, D) weight and a (D,) bias.",
        )
    for name, array in (("weight", weight), ("bias", bias)):
        if not np.isfinite(array).all():
            bad = int(array.size - np.isfinite(array).sum())
            raise InvalidArtifact(
                f"The {name} of model.safetensors holds {bad} NaN or infinite numbers.",
                "Train the ESM again; a smaller learning rate usually helps.",
            )
    return AffineMap(weight, bias)
