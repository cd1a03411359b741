"""A map that changes few directions: f(x) = c x + P Q^T x + b."""

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from esm_client.core.errors import InvalidArtifact
from esm_client.core.maps.affine import AffineMap
from esm_client.core.maps.arrays import alike, check_embeddings, check_finite


@dataclass(frozen=True, slots=True)
class LowRankMap:
    """A scaled identity plus a matrix of rank q.

    scale: (1,), left P: (D, q), right Q: (D, q), bias: (D,), of one floating dtype.
    """

    scale: NDArray[Any]
    left: NDArray[Any]
    right: NDArray[Any]
    bias: NDArray[Any]

    architecture: ClassVar[Literal["low-rank"]] = "low-rank"

    @property
    def dimension(self) -> int:
        """D, the width of the embeddings."""
        return self.bias.shape[0]

    @property
    def width(self) -> int:
        """The width of what it reads: D."""
        return self.dimension

    @property
    def rank(self) -> int:
        """The number q of directions that change in more than length."""
        return self.left.shape[1]

    def apply(self, embeddings: Any) -> Any:
        """As AffineMap.apply, in 2 N D q operations."""
        check_embeddings(embeddings, self.dimension)
        scale, left, right, bias = alike(embeddings, self.scale, self.left, self.right, self.bias)
        return embeddings * scale + (embeddings @ right) @ left.T + bias

    def as_affine(self) -> AffineMap:
        """The same map as one (D, D) weight, in float32 or the own wider dtype."""
        wide = np.promote_types(self.left.dtype, np.float32)
        weight = self.left.astype(wide) @ self.right.astype(wide).T
        weight[np.diag_indices_from(weight)] += self.scale.astype(wide)
        return AffineMap(weight, self.bias.astype(wide))

    def tensors(self) -> dict[str, NDArray[Any]]:
        """What `model.safetensors` holds."""
        return {
            "model.scale": self.scale,
            "model.left": self.left,
            "model.right": self.right,
            "model.bias": self.bias,
        }

    @classmethod
    def from_tensors(
        cls, scale: NDArray[Any], left: NDArray[Any], right: NDArray[Any], bias: NDArray[Any]
    ) -> "LowRankMap":
        """Check four arrays from a file; raises InvalidArtifact."""
        fits = (
            scale.shape == (1,)
            and bias.ndim == 1
            and left.ndim == 2
            and left.shape == right.shape
            and left.shape[0] == bias.size > 0
            and 1 <= left.shape[1] <= bias.size
        )
        if not fits:
            shapes = ", ".join(str(array.shape) for array in (scale, left, right, bias))
            raise InvalidArtifact(
                f"model.safetensors holds scale, left, right and bias of shapes {shapes}.",
                "A low-rank ESM has shapes (1,), (D, q), (D, q) and (D,), with q from 1 to D.",
            )
        check_finite({"scale": scale, "left": left, "right": right, "bias": bias})
        return cls(scale, left, right, bias)
