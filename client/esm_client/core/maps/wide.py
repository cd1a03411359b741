"""A map that also reads views of an inner layer: f(z) = c x + P Q^T z + b for z = [x, u]."""

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from esm_client.core.errors import InvalidArtifact
from esm_client.core.maps.affine import AffineMap
from esm_client.core.maps.arrays import alike, check_embeddings, check_finite


@dataclass(frozen=True, slots=True)
class WideMap:
    """A scaled identity of x plus a matrix of rank q that reads all of z.

    scale: (1,), left P: (D, q), right Q: (Z, q) with Z > D, bias: (D,), of floating dtypes.
    """

    scale: NDArray[Any]
    left: NDArray[Any]
    right: NDArray[Any]
    bias: NDArray[Any]

    architecture: ClassVar[Literal["wide-low-rank"]] = "wide-low-rank"

    @property
    def dimension(self) -> int:
        """D, the width of x and of what the map gives."""
        return self.bias.shape[0]

    @property
    def width(self) -> int:
        """Z, the width of what it reads."""
        return self.right.shape[0]

    @property
    def rank(self) -> int:
        """The number q of directions that change in more than length."""
        return self.left.shape[1]

    def apply(self, embeddings: Any) -> Any:
        """As AffineMap.apply, from embeddings (N, Z) to (N, D)."""
        check_embeddings(embeddings, self.width)
        scale, left, right, bias = alike(embeddings, self.scale, self.left, self.right, self.bias)
        return embeddings[:, : self.dimension] * scale + (embeddings @ right) @ left.T + bias

    def as_affine(self) -> AffineMap:
        """The same map as one (D, Z) weight, in float32 or the own wider dtype."""
        wide = np.promote_types(self.left.dtype, np.float32)
        weight = self.left.astype(wide) @ self.right.astype(wide).T
        places = np.arange(self.dimension)
        weight[places, places] += self.scale.astype(wide)
        return AffineMap(weight, self.bias.astype(wide))

    def tensors(self) -> dict[str, NDArray[Any]]:
        """What `model.safetensors` holds."""
        return {
            "model.wide.scale": self.scale,
            "model.wide.left": self.left,
            "model.wide.right": self.right,
            "model.wide.bias": self.bias,
        }

    @classmethod
    def from_tensors(
        cls, scale: NDArray[Any], left: NDArray[Any], right: NDArray[Any], bias: NDArray[Any]
    ) -> "WideMap":
        """Check four arrays from a file; raises InvalidArtifact."""
        fits = (
            scale.shape == (1,)
            and bias.ndim == 1
            and left.ndim == right.ndim == 2
            and left.shape[0] == bias.size > 0
            and bias.size < right.shape[0] <= 2 * bias.size
            and 1 <= left.shape[1] == right.shape[1] <= bias.size
        )
        if not fits:
            shapes = ", ".join(str(array.shape) for array in (scale, left, right, bias))
            raise InvalidArtifact(
                f"model.safetensors holds scale, left, right and bias of shapes {shapes}.",
                "A wide ESM has shapes (1,), (D, q), (Z, q) and (D,), with q from 1 to D and "
                "Z above D, at most 2 D.",
            )
        check_finite({"scale": scale, "left": left, "right": right, "bias": bias})
        return cls(scale, left, right, bias)
