"""The weight and bias of an affine map, checked."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from esm_client.core.errors import DimensionMismatch, InvalidInput


def affine_map(
    weight: ArrayLike, bias: ArrayLike | None, dimension: int, width: int | None = None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Weight (D_out, D) and bias (D_out,) of f(x) = W x + b, as float64.

    A bias of None is zero. Of features with views, `width` in all, the weight may be (D_out,
    width) too. Raises DimensionMismatch if they do not fit each other or the features,
    InvalidInput if they are not finite numbers.

    >>> affine_map([[1, 2]], None, 2)
    (array([[1., 2.]]), array([0.]))
    """
    w = _numbers(weight, "weight")
    if w.ndim != 2 or w.shape[1] not in (dimension, width) or w.shape[0] == 0:
        raise DimensionMismatch(
            f"A weight of shape {w.shape} does not map embeddings of width {dimension}.",
            f"Pass a map trained for this embedding space, of shape (D_out, {dimension}).",
        )
    b = np.zeros(len(w)) if bias is None else _numbers(bias, "bias")
    if b.shape != (len(w),):
        raise DimensionMismatch(
            f"A bias of shape {b.shape} does not fit a weight of shape {w.shape}.",
            f"Pass a bias of shape ({len(w)},), or None.",
        )
    return w, b


def _numbers(values: ArrayLike, what: str) -> NDArray[np.float64]:
    try:
        array = np.asarray(values)
    except ValueError as error:
        raise DimensionMismatch(
            f"The {what} has rows of different lengths.", "Pass a regular array."
        ) from error
    if array.dtype.kind not in "fiu" or not bool(np.isfinite(array).all()):
        raise InvalidInput(
            f"The {what} of the map holds NaN, infinity or values that are not numbers.",
            "Train or download the map again.",
        )
    return array.astype(np.float64, copy=False)
