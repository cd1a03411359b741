"""The basis of a space's views, from the base model and probe rows alone."""

import numpy as np
from numpy.typing import NDArray

from esm_client.core.errors import InvalidInput
from esm_client.core.views import ViewBasis
from esm_client.lab.encoder import TextEncoder
from esm_client.lab.tokens import TokenStore

Array = NDArray[np.float64]
PENALTY = 1e-3
"""Of the regression on x, relative to the mean squared singular value of the centred x."""


def make_basis(encoder: TextEncoder, probes: TokenStore, count: int, layer: int) -> ViewBasis:
    """The `count` strongest directions of a layer's mean that x does not predict, on probe rows.

    Raises InvalidInput for a layer that the model does not have, or more views than dimensions.
    """
    if not 1 <= count <= encoder.dimension:
        raise InvalidInput(f"There can be no {count} views.", f"Use 1 to {encoder.dimension}.")
    embeddings, (means,) = encoder.embed_with_layers(probes, (layer,))
    x, mean_x = _centred(embeddings)
    m, mean_m = _centred(means)
    gram: Array = x.T @ x
    gram[np.diag_indices_from(gram)] += PENALTY * float(np.trace(gram)) / len(gram)
    predicted: Array = np.linalg.solve(gram, x.T @ m).astype(np.float64)  # (D, D)
    rest: Array = m - x @ predicted
    directions: Array = np.linalg.eigh(rest.T @ rest)[1].astype(np.float64)
    inner: Array = directions[:, ::-1][:, :count].T
    base: Array = inner @ predicted.T
    offset: Array = inner @ mean_m - base @ mean_x
    single = np.float32
    return ViewBasis(layer, inner.astype(single), base.astype(single), offset.astype(single))


def _centred(values: NDArray[np.float32]) -> tuple[Array, Array]:
    wide = values.astype(np.float64)
    mean: Array = wide.mean(axis=0)
    return wide - mean, mean
