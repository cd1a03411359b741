"""The triangular factor that keeps all inner products of columns, and sums of it."""

from dataclasses import dataclass
from typing import cast

import numpy as np
from numpy.typing import NDArray

from esm_client.core.scoring.features import centred

Array = NDArray[np.float64]


@dataclass(frozen=True)
class TriangularFactor:
    """R of the QR decomposition of [1 Z] for rows Z (N, P), its first row taken apart.

    R is [[sqrt(N), sqrt(N) mean], [0, centred]]: `centred`, (min(N - 1, P), P) and
    upper triangular, is the factor of the centred rows. Kept apart, the means cannot
    drown small deviations, and a constant column stays exactly zero.
    """

    num_rows: int
    mean: Array
    centred: Array

    @staticmethod
    def from_rows(rows: Array) -> "TriangularFactor":
        """Factor of rows (N, P), N at least 1."""
        deviations, mean = centred(rows)
        # The leading ones use up the direction that centring has emptied.
        stacked = np.column_stack([np.ones(len(rows)), deviations])
        return TriangularFactor(len(rows), mean, _triangle(stacked)[1:, 1:])

    def merged(self, other: "TriangularFactor") -> "TriangularFactor":
        """Factor of the rows of both, which have the same columns."""
        total = self.num_rows + other.num_rows
        share = other.num_rows / total
        step = other.mean - self.mean
        between = np.sqrt(self.num_rows * share) * step
        stacked = np.vstack([self.centred, other.centred, between])
        return TriangularFactor(total, self.mean + share * step, _triangle(stacked)).padded()

    def padded(self) -> "TriangularFactor":
        """The same with rows of zeros up to min(N - 1, P)."""
        rows, columns = self.centred.shape
        missing = min(self.num_rows - 1, columns) - rows
        if missing == 0:
            return self
        padded = np.vstack([self.centred, np.zeros((missing, columns))])
        return TriangularFactor(self.num_rows, self.mean, padded)

    def spread(self, positions: list[int], columns: int) -> "TriangularFactor":
        """The same with columns of zeros added, column j going to positions[j].

        `positions` must ascend, so that the factor stays triangular.
        """
        mean = np.zeros(columns)
        centred_rows = np.zeros((len(self.centred), columns))
        mean[positions] = self.mean
        centred_rows[:, positions] = self.centred
        return TriangularFactor(self.num_rows, mean, centred_rows).padded()

    def matrix(self) -> Array:
        """R itself, (min(N, 1 + P), 1 + P)."""
        rows, columns = self.centred.shape
        r = np.zeros((rows + 1, columns + 1))
        r[0, 0] = np.sqrt(self.num_rows)
        r[0, 1:] = r[0, 0] * self.mean
        r[1:, 1:] = self.centred
        return r

    @staticmethod
    def from_matrix(num_rows: int, r: Array) -> "TriangularFactor":
        """The inverse of `matrix`."""
        return TriangularFactor(num_rows, r[0, 1:] / r[0, 0], r[1:, 1:])


def _triangle(rows: Array) -> Array:
    return cast("Array", np.linalg.qr(rows, mode="r"))
