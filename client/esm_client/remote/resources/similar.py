"""Neighbours among sources."""

import base64

import numpy as np
from numpy.typing import ArrayLike

from esm_client.core.references import Reference
from esm_client.core.schemas import SimilarEsm, SimilarEsms, SimilarQuery
from esm_client.remote.http.requests import checked
from esm_client.remote.transport import Transport


class SimilarResource:
    """`/v1/similar`, and `similar` of a version."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def to_version(self, reference: str, limit: int = 10) -> list[SimilarEsm]:
        """ESMs whose map, and ESMs whose texts are near to a version's: `limit` of either.

        Raises NotFound, Yanked.
        """
        wanted = Reference.parse(reference)
        path = f"/v1/esms/{wanted.path}/versions/{wanted.selector}/similar"
        return self._transport.get(path, SimilarEsms, {"limit": limit}).rows

    def to_texts(self, embeddings: ArrayLike, space: str, limit: int = 10) -> list[SimilarEsm]:
        """ESMs whose texts are near to some others, given by base embeddings (N, D).

        Only their mean travels. Raises NotFound, DimensionMismatch, InvalidEmbeddings.
        """
        mean = np.asarray(embeddings, dtype=np.float64).mean(axis=0).astype("<f4")
        values = {"space": space, "embedding": base64.b64encode(mean.tobytes()), "limit": limit}
        query = checked(SimilarQuery, values)
        return self._transport.post("/v1/similar", query, SimilarEsms, idempotent=True).rows
