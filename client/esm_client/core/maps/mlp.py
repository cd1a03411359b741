"""A non-linear map: f(x) = x + V relu(U x + a) + b (Schulte et al. 2024, section 7.2)."""

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from numpy.typing import NDArray

from esm_client.core.errors import InvalidArtifact, NeedsEmbeddings
from esm_client.core.maps.affine import AffineMap
from esm_client.core.maps.arrays import alike, check_embeddings, check_finite


@dataclass(frozen=True, slots=True)
class MlpMap:
    """One hidden layer around the identity.

    hidden_weight U: (H, D), hidden_bias a: (H,), output_weight V: (D, H), output_bias b: (D,).
    """

    hidden_weight: NDArray[Any]
    hidden_bias: NDArray[Any]
    output_weight: NDArray[Any]
    output_bias: NDArray[Any]

    architecture: ClassVar[Literal["mlp"]] = "mlp"

    @property
    def dimension(self) -> int:
        """D, the width of the embeddings."""
        return self.output_bias.shape[0]

    @property
    def width(self) -> int:
        """The width of what it reads: D."""
        return self.dimension

    def apply(self, embeddings: Any) -> Any:
        """As AffineMap.apply."""
        check_embeddings(embeddings, self.dimension)
        inner, shift, outer, bias = alike(
            embeddings, self.hidden_weight, self.hidden_bias, self.output_weight, self.output_bias
        )
        hidden = (embeddings @ inner.T + shift).clip(0, None)
        return embeddings + hidden @ outer.T + bias

    def as_affine(self) -> AffineMap:
        """Raises NeedsEmbeddings: no sketch of a target can be mapped by it."""
        raise needs_embeddings()

    def tensors(self) -> dict[str, NDArray[Any]]:
        """What `model.safetensors` holds."""
        return {
            "model.hidden.weight": self.hidden_weight,
            "model.hidden.bias": self.hidden_bias,
            "model.output.weight": self.output_weight,
            "model.output.bias": self.output_bias,
        }

    @classmethod
    def from_tensors(
        cls,
        hidden_weight: NDArray[Any],
        hidden_bias: NDArray[Any],
        output_weight: NDArray[Any],
        output_bias: NDArray[Any],
    ) -> "MlpMap":
        """Check four arrays from a file; raises InvalidArtifact."""
        shapes = [a.shape for a in (hidden_weight, hidden_bias, output_weight, output_bias)]
        width, dimension = hidden_bias.size, output_bias.size
        if (
            not width
            or not dimension
            or shapes
            != [
                (width, dimension),
                (width,),
                (dimension, width),
                (dimension,),
            ]
        ):
            raise InvalidArtifact(
                f"model.safetensors holds an MLP with arrays of shapes {shapes}.",
                "An MLP ESM has shapes (H, D), (H,), (D, H) and (D,).",
            )
        check_finite(
            {
                "hidden weight": hidden_weight,
                "hidden bias": hidden_bias,
                "output weight": output_weight,
                "output bias": output_bias,
            }
        )
        return cls(hidden_weight, hidden_bias, output_weight, output_bias)


def needs_embeddings() -> NeedsEmbeddings:
    """The error of an MLP map where only a sketch of the target is given."""
    return NeedsEmbeddings(
        "An MLP map is not affine, so it cannot be scored from a sketch.",
        "Send the embeddings too (`send_embeddings`), or pull the space and rank in its folder.",
        parameters=("send_embeddings",),
    )
