"""Queries on the vectors of versions."""

from collections.abc import Sequence

import numpy as np
from sqlmodel import Session, col, select

from esm_server.db import EsmRow, EsmVersionRow, MapSignatureRow, TextEmbeddingRow
from esm_server.index.space import By, Loaded
from esm_server.registry.repository import IS_LATEST

_PART = 500
_COLUMNS = {
    "map": (MapSignatureRow, col(MapSignatureRow.version_id), col(MapSignatureRow.signature)),
    "text": (TextEmbeddingRow, col(TextEmbeddingRow.version_id), col(TextEmbeddingRow.embedding)),
}


class VectorRepository:
    """Signatures of maps and mean embeddings of texts within one transaction."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def add_text(self, version_id: int, space_id: int, embedding: np.ndarray) -> None:
        """Store the mean embedding of a version's texts."""
        data = embedding.astype("<f4").tobytes()
        self._session.add(
            TextEmbeddingRow(version_id=version_id, space_id=space_id, embedding=data)
        )
        self._session.flush()

    def latest(self, space_id: int) -> list[int]:
        """The ids of the latest live versions of a space, of all namespaces."""
        statement = (
            select(col(EsmVersionRow.id))
            .join(EsmRow, col(EsmRow.id) == col(EsmVersionRow.esm_id))
            .where(col(EsmRow.space_id) == space_id, IS_LATEST, col(EsmRow.live))
            .order_by(col(EsmVersionRow.id))
        )
        return [version for version in self._session.exec(statement).all() if version is not None]

    def load(self, versions: Sequence[int]) -> Loaded:
        """The vectors of some versions, by what they are of."""
        found: dict[By, tuple[np.ndarray, np.ndarray]] = {}
        for by in ("map", "text"):
            _, key, value = _COLUMNS[by]
            rows: list[tuple[int, bytes]] = []
            for start in range(0, len(versions), _PART):
                part = versions[start : start + _PART]
                found_part = select(key, value).where(key.in_(part)).order_by(key)
                rows += self._session.exec(found_part).all()
            vectors = np.frombuffer(b"".join(data for _, data in rows), "<f4")
            ids = np.array([version for version, _ in rows], dtype=np.int64)
            found[by] = (ids, vectors.reshape(len(rows), -1) if len(rows) else vectors[:, None])
        return found
