"""Views of an embedding space: numbers behind an embedding, from the same forward pass."""

import hashlib
from functools import cache
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from esm_client.core.document import Document
from esm_client.core.errors import InvalidInput
from esm_client.core.limits import MAX_DIMENSION
from esm_client.core.maps.arrays import alike
from esm_client.core.scoring.views import Views


class SpaceViews(Document):
    """Which views a space has: embeddings are z = [x, u], u (N, k) behind x (N, D).

    u is the mean m of a text's tokens in the inner layer `layer`, 1 for the first. Of fewer than D
    views, each is the sum of all numbers of m with signs that its number alone decides, over the
    root of D; so every machine has the same, and no file need say which.
    """

    layer: Annotated[int, Field(ge=1, le=999)]
    count: Annotated[int, Field(ge=1, le=MAX_DIMENSION)]
    """The number k of views, at most D."""

    def __str__(self) -> str:
        return f"{self.count} of layer {self.layer}"

    def check(self, dimension: int) -> None:
        """Raise InvalidInput where embeddings of this width have fewer."""
        if self.count > dimension:
            raise InvalidInput(
                f"There can be no {self.count} views beside {dimension} dimensions.",
                f"Use 1 to {dimension}.",
            )

    def of_means(self, means: Any) -> Any:
        """Views (N, k) of the layer's means (N, D), arrays or tensors."""
        dimension = means.shape[1]
        if self.count == dimension:
            return means
        (directions,) = alike(means, _directions(self.count, dimension))
        return means @ directions.T

    def of_sketch(self, dimension: int) -> Views:
        """What sketches of such embeddings say of them."""
        said = f"mean of layer {self.layer}, {self.count} of {dimension} directions"
        return Views(self.count, f"sha256:{hashlib.sha256(said.encode()).hexdigest()}")


@cache
def _directions(count: int, dimension: int) -> NDArray[np.float32]:
    """Signs over the root of the dimension, (k, D), float32, made of SHAKE-256."""
    bits = [
        np.unpackbits(np.frombuffer(_drawn(number, dimension), np.uint8), count=dimension)
        for number in range(count)
    ]
    return (2.0 * np.array(bits) - 1.0).astype(np.float32) / np.float32(np.sqrt(dimension))


def _drawn(number: int, dimension: int) -> bytes:
    return hashlib.shake_256(f"esm view {number}".encode()).digest((dimension + 7) // 8)
