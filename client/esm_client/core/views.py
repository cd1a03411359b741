"""How views of an inner layer follow from what the base model computes anyway."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from numpy.typing import NDArray

from esm_client.core.artifact.manifest import digest_bytes
from esm_client.core.errors import InvalidArtifact
from esm_client.core.maps.arrays import alike, check_finite
from esm_client.core.scoring.views import Views
from esm_client.core.tensors import dump_tensors, load_tensors


@dataclass(frozen=True)
class ViewBasis:
    """How views follow from x and the mean m of an inner layer's tokens: u = V m - B x - o.

    B x + o is what x predicts of V m on probe rows, so views are zero there on average, and hold
    only what x does not. layer: 1 for the first, of the model's num_hidden_layers. inner V and
    base B: (k, D), offset o: (k,), in float32.
    """

    layer: int
    inner: NDArray[Any]
    base: NDArray[Any]
    offset: NDArray[Any]

    def apply(self, embeddings: Any, inner: Any) -> Any:
        """Views (N, k) of embeddings x (N, D) and means m (N, D), arrays or tensors."""
        v, b, o = alike(embeddings, self.inner, self.base, self.offset)
        return inner @ v.T - embeddings @ b.T - o

    @property
    def count(self) -> int:
        """The number k of views."""
        return len(self.offset)

    @cached_property
    def views(self) -> Views:
        """What sketches made with it say of it."""
        return Views(self.count, digest_bytes(self.to_bytes()))

    def to_bytes(self) -> bytes:
        """Safetensors bytes; equal bases give equal bytes."""
        tensors = {"inner": self.inner, "base": self.base, "offset": self.offset}
        return dump_tensors(tensors, {"layer": str(self.layer)})

    @classmethod
    def from_bytes(cls, data: bytes) -> "ViewBasis":
        """Read a basis; raises InvalidArtifact unless it is one of finite numbers."""
        tensors, metadata = load_tensors(data, "the basis of the views")
        layer = metadata.get("layer", "")
        arrays = [tensors.get(name) for name in ("inner", "base", "offset")]
        if (
            set(metadata) != {"layer"}
            or len(tensors) != 3
            or not layer.isascii()
            or not (layer.isdigit() and 1 <= len(layer) <= 3)
        ):
            raise _invalid("it does not hold a layer, inner, base and offset")
        inner, base, offset = arrays
        if inner is None or base is None or offset is None:
            raise _invalid("it does not hold a layer, inner, base and offset")
        shape = offset.shape + inner.shape[1:]
        if offset.ndim != 1 or len(shape) != 2 or not shape == inner.shape == base.shape:
            raise _invalid(f"its arrays have shapes {inner.shape}, {base.shape} and {offset.shape}")
        if not 1 <= shape[0] <= shape[1]:
            raise _invalid(f"it has {shape[0]} views of {shape[1]} dimensions")
        check_finite({"inner": inner, "base": base, "offset": offset})
        return cls(int(layer), inner, base, offset)


def _invalid(reason: str) -> InvalidArtifact:
    return InvalidArtifact(
        f"The basis of the views cannot be used: {reason}.", "Make it again from the base model."
    )
