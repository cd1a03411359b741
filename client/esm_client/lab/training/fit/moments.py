"""All that a squared error needs to know of pairs of embeddings, gathered block by block."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from esm_client.core.errors import InvalidEmbeddings

Floats = NDArray[np.floating[Any]]
Matrix = NDArray[np.float64]

BLOCK_ROWS = 4096


@dataclass(frozen=True)
class Moments:
    """Means and centred sums of X (rows, Z) and Y (rows, D), in float64; Z is D or more.

    The first D columns of X are the base model's embeddings, the others views of an inner layer.
    rows: how many; mean_x: (Z,), mean_y: (D,); xx: the sum of x x^T (Z, Z), xy: of x y^T (Z, D),
    yy: of |y|^2.
    """

    rows: int
    mean_x: Matrix
    mean_y: Matrix
    xx: Matrix
    xy: Matrix
    yy: float

    @classmethod
    def of(cls, base: Floats, tuned: Floats, rows: NDArray[Any]) -> "Moments":
        """Of the rows with these numbers; what is held besides does not grow with them."""
        found: Moments | None = None
        for start in range(0, len(rows), BLOCK_ROWS):
            places = rows[start : start + BLOCK_ROWS]
            block = cls._of_block(base[places], tuned[places])
            found = block if found is None else found + block
        if found is None:
            raise InvalidEmbeddings("There are no rows to fit.", "Use a larger data set.")
        return found

    @classmethod
    def _of_block(cls, base: Floats, tuned: Floats) -> "Moments":
        mean_x: Matrix = base.mean(axis=0, dtype=np.float64)
        mean_y: Matrix = tuned.mean(axis=0, dtype=np.float64)
        # centred first, products of float32 lose nothing that the embeddings had
        dtype = np.promote_types(base.dtype, np.float32)
        x, y = (base - mean_x).astype(dtype), (tuned - mean_y).astype(dtype)
        xx, xy = (x.T @ x).astype(np.float64), (x.T @ y).astype(np.float64)
        return cls(
            len(x), mean_x, mean_y, xx, xy, float(np.einsum("ij,ij->", y, y, dtype=np.float64))
        )

    def __add__(self, other: "Moments") -> "Moments":
        """Of both sets of rows together (pairwise update of Chan, Golub and LeVeque 1979)."""
        rows = self.rows + other.rows
        share = other.rows / rows
        mean_x = self.mean_x + share * (other.mean_x - self.mean_x)
        mean_y = self.mean_y + share * (other.mean_y - self.mean_y)
        one, two = self.about(mean_x, mean_y), other.about(mean_x, mean_y)
        return Moments(rows, mean_x, mean_y, one.xx + two.xx, one.xy + two.xy, one.yy + two.yy)

    def about(self, mean_x: Matrix, mean_y: Matrix) -> "Moments":
        """The sums about other means than the own."""
        x, y = self.mean_x - mean_x, self.mean_y - mean_y
        return Moments(
            self.rows,
            mean_x,
            mean_y,
            self.xx + self.rows * np.outer(x, x),
            self.xy + self.rows * np.outer(x, y),
            self.yy + self.rows * float(y @ y),
        )

    @property
    def dimension(self) -> int:
        """D."""
        return len(self.mean_y)

    @property
    def unit(self) -> float:
        """The mean squared singular value of the centred X: what relative penalties refer to.

        That of D directions, so that the penalties of maps with and without views compare.
        """
        return float(np.trace(self.xx)) / self.dimension or 1.0

    @property
    def base(self) -> Matrix:
        """Sums of x with the base model's embeddings (Z, D)."""
        return self.xx[:, : self.dimension]

    @property
    def scale(self) -> float:
        """The scalar c that brings c times the base model's embeddings nearest to y."""
        total = float(np.trace(self.base))
        return float(np.trace(self.xy)) / total if total > 0 else 1.0


def mean_squared_error(predicted: Floats, target: Floats) -> float:
    """Mean squared error per coordinate of two arrays (N, D), in float64, block by block."""
    total = 0.0
    for start in range(0, len(target), BLOCK_ROWS):
        block = slice(start, start + BLOCK_ROWS)
        total += float(np.sum((predicted[block].astype(np.float64) - target[block]) ** 2))
    return total / target.size


def check_pairs(base: Floats, tuned: Floats) -> None:
    """Raise InvalidEmbeddings unless both are finite, (N, Z) and (N, D), with at least two rows."""
    fits = base.ndim == tuned.ndim == 2 and len(base) == len(tuned) >= 2
    if not fits or not tuned.shape[1] <= base.shape[1] <= 2 * tuned.shape[1]:
        raise InvalidEmbeddings(
            f"The base embeddings have shape {base.shape}, the tuned ones {tuned.shape}.",
            "Pass two arrays (N, D) of the same texts, with at least two rows; the first may hold "
            "up to D views of an inner layer more.",
        )
    starts = range(0, len(base), BLOCK_ROWS)
    blocks = (array[start : start + BLOCK_ROWS] for array in (base, tuned) for start in starts)
    if not all(np.isfinite(block).all() for block in blocks):
        raise InvalidEmbeddings(
            "The embeddings hold NaN or infinite numbers.", "Embed the texts again in float32."
        )
