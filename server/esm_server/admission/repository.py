"""Queries on the signatures of maps."""

from collections.abc import Sequence

from sqlmodel import Session, col, or_, select

from esm_server.admission.signature import Signature
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

    def after(self, space_id: int, version_id: int) -> Sequence[tuple[int, bytes]]:
        """Versions of a space beyond a key with their signatures, by key."""
        statement = (
            select(MapSignatureRow.version_id, MapSignatureRow.signature)
            .where(
                col(MapSignatureRow.space_id) == space_id,
                col(MapSignatureRow.version_id) > version_id,
            )
            .order_by(col(MapSignatureRow.version_id))
        )
        return self._session.exec(statement).all()

    def first_visible(
        self, version_ids: Sequence[int], namespace: str, esm_id: int | None
    ) -> tuple[int, str] | None:
        """The oldest of some versions that is live and of another ESM: its key and reference.

        Private namespaces other than the version's own are left out: whoever may read the
        version may read what it is a duplicate of.
        """
        statement = (
            select(EsmVersionRow.id, EsmRow.namespace, EsmRow.name, EsmVersionRow.version)
            .join(EsmRow, col(EsmRow.id) == col(EsmVersionRow.esm_id))
            .join(NamespaceRow, col(NamespaceRow.name) == col(EsmRow.namespace))
            .where(
                col(EsmVersionRow.id).in_(version_ids),
                col(EsmVersionRow.yanked_at).is_(None),
                or_(col(EsmRow.namespace) == namespace, col(NamespaceRow.private).is_(False)),
                col(EsmRow.id) != (esm_id or 0),
            )
            .order_by(col(EsmVersionRow.id))
        )
        found = self._session.exec(statement).first()
        if found is None or found[0] is None:
            return None
        return found[0], f"{found[1]}/{found[2]}@{found[3]}"
