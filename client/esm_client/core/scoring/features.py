"""Embeddings and weights as float64 matrices, checked, scaled and centred."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from esm_client.core.errors import InvalidEmbeddings

# A column whose deviations are this small against its values is constant: what
# is left after centring is rounding, and a scale-free score would read it as signal.
CONSTANT_TOLERANCE = 1e-13


def as_features(embeddings: ArrayLike) -> NDArray[np.float64]:
    """Embeddings as a float64 matrix (N, D); the input is never written to.

    Accepts float16, float32, float64 and integers. Raises InvalidEmbeddings for
    another type or shape, no rows, no columns, NaN or infinity.

    >>> as_features(np.ones((2, 3), dtype=np.float16)).dtype
    dtype('float64')
    """
    try:
        array = np.asarray(embeddings)
    except ValueError as error:
        raise InvalidEmbeddings(
            "The embeddings are not a matrix: their rows differ in length.",
            "Give every row the same number of values.",
        ) from error
    if array.dtype.kind not in "fiu":
        raise InvalidEmbeddings(
            f"Embeddings of type {array.dtype} are not numbers this can score.",
            "Convert them to float32 or float64.",
        )
    if array.ndim != 2 or array.size == 0:
        raise InvalidEmbeddings(
            f"Embeddings of shape {array.shape} are not a matrix of rows and dimensions.",
            "Pass an array of shape (N, D), N and D at least 1.",
        )
    with np.errstate(over="ignore"):
        values = array.astype(np.float64, copy=False)
    bad = int(np.count_nonzero(~np.isfinite(values).all(axis=1)))
    if bad:
        raise InvalidEmbeddings(
            f"{bad} of {len(values)} embeddings hold NaN or infinity.",
            "Embed those texts again, or leave them out.",
        )
    return values


def scaled_to_unit(values: NDArray[np.float64], axis: int | None = None) -> NDArray[np.float64]:
    """`values` times the power of two that brings the largest magnitude into [1/2, 1).

    A power of two changes no digit, and squares can neither overflow nor vanish.
    With axis=0 every column has its own.

    >>> scaled_to_unit(np.array([3.0, -6.0]))
    array([ 0.375, -0.75 ])
    """
    if values.size == 0:
        return values
    largest: NDArray[np.float64] = np.max(np.abs(values), axis=axis, keepdims=True)
    return np.ldexp(values, -np.frexp(largest)[1])


def centred(values: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Columns minus their means, and the means; constant columns become exact zeros.

    >>> deviations, mean = centred(np.array([[1.0, 0.1], [3.0, 0.1], [5.0, 0.1]]))
    >>> deviations[:, 1], mean
    (array([0., 0., 0.]), array([3. , 0.1]))
    """
    mean = values.mean(axis=0)
    deviations = values - mean
    correction = deviations.mean(axis=0)  # the rounding of the first mean
    deviations -= correction
    largest = np.max(np.abs(values), axis=0)
    constant = np.max(np.abs(deviations), axis=0) <= CONSTANT_TOLERANCE * largest
    deviations[:, constant] = 0.0
    return deviations, mean + correction
