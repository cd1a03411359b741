"""The paper's map: f(x) = W x + b."""

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from numpy.typing import NDArray

from esm_client.core.errors import InvalidArtifact
from esm_client.core.maps.arrays import alike, check_embeddings, check_finite


@dataclass(frozen=True, slots=True)
class AffineMap:
    """An affine embedding space map (Schulte et al. 2024, section 3).

    weight: (D, D), bias: (D,), in the floating dtype they were pushed in. That of a wide map, which
    no file holds, is (D, Z).
    """

    weight: NDArray[Any]
    bias: NDArray[Any]

    architecture: ClassVar[Literal["linear"]] = "linear"

    @property
    def dimension(self) -> int:
        """D, the width of the embeddings."""
        return self.bias.shape[0]

    @property
    def width(self) -> int:
        """The width of what it reads: D, or Z."""
        return self.weight.shape[1]

    def apply(self, embeddings: Any) -> Any:
        """Transform base embeddings (N, D) into approximate source-model embeddings (N, D).

        Takes and gives a numpy array or a torch tensor, which stays on its device. Raises
        InvalidEmbeddings for another number of axes, DimensionMismatch for another width.
        """
        check_embeddings(embeddings, self.width)
        weight, bias = alike(embeddings, self.weight, self.bias)
        return embeddings @ weight.T + bias

    def as_affine(self) -> "AffineMap":
        """Itself."""
        return self

    def tensors(self) -> dict[str, NDArray[Any]]:
        """What `model.safetensors` holds, in the layout that hf-dataset-selector 0.2 reads."""
        return {"model.weight": self.weight, "model.bias": self.bias}

    @classmethod
    def from_tensors(cls, weight: NDArray[Any], bias: NDArray[Any]) -> "AffineMap":
        """Check two arrays from a file; raises InvalidArtifact."""
        if bias.ndim != 1 or bias.size == 0 or weight.shape != (bias.size, bias.size):
            raise InvalidArtifact(
                f"model.safetensors holds a weight of shape {weight.shape} and a bias of shape "
                f"{bias.shape}.",
                "A linear ESM has a (D, D) weight and a (D,) bias.",
            )
        check_finite({"weight": weight, "bias": bias})
        return cls(weight, bias)
