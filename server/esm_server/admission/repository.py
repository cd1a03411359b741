"""Queries on the signatures of maps."""

import numpy as np
from sqlmodel import Session, col, or_, select

from esm_server.admission.signature import SAME_MAP, Signature, distances
from esm_server.db import EsmRow, EsmVersionRow, MapSignatureRow, NamespaceRow


class MapSignatureRepository:
    """Signatures within one transaction."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, version_id: int, space_id: int, signature: Signature) -> None:
        """Store the signature of a version's map."""
        row = MapSignatureRow(
            version_id=version_id,
            space_id=space_id,
            signature=signature.astype("<f4").tobytes(),
        )
        self._session.add(row)
        self._session.flush()

    def nearest(
        self, space_id: int, signature: Signature, namespace: str, esm_id: int | None
    ) -> tuple[str, float] | None:
        """The oldest live near-duplicate of another ESM: its reference and distance.

        Private namespaces other than the version's own are left out: whoever may read the
        version may read what it is a duplicate of.
        """
        statement = (
            select(MapSignatureRow.version_id, MapSignatureRow.signature)
            .join(EsmVersionRow, col(EsmVersionRow.id) == col(MapSignatureRow.version_id))
            .join(EsmRow, col(EsmRow.id) == col(EsmVersionRow.esm_id))
            .join(NamespaceRow, col(NamespaceRow.name) == col(EsmRow.namespace))
            .where(
                col(MapSignatureRow.space_id) == space_id,
                col(EsmVersionRow.yanked_at).is_(None),
                or_(col(EsmRow.namespace) == namespace, col(NamespaceRow.private).is_(False)),
                col(EsmRow.id) != (esm_id or 0),
            )
            .order_by(col(MapSignatureRow.version_id))
        )
        found = self._session.exec(statement).all()
        if not found:
            return None
        others = np.frombuffer(b"".join(data for _, data in found), "<f4").reshape(len(found), -1)
        gaps = distances(signature, others)
        near = np.flatnonzero(gaps < SAME_MAP)
        if not len(near):
            return None
        return self._reference(found[int(near[0])][0]), float(gaps[near[0]])

    def _reference(self, version_id: int) -> str:
        statement = (
            select(EsmRow.namespace, EsmRow.name, EsmVersionRow.version)
            .join(EsmVersionRow, col(EsmVersionRow.esm_id) == col(EsmRow.id))
            .where(col(EsmVersionRow.id) == version_id)
        )
        namespace, name, number = self._session.exec(statement).one()
        return f"{namespace}/{name}@{number}"
