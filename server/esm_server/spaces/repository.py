"""Queries on spaces."""

from collections.abc import Sequence

from sqlmodel import Session, col, func, select

from esm_client.core.spaces import SpaceFingerprint
from esm_server.db import EsmRow, SpaceDigestRow, SpaceRow
from esm_server.db.visibility import Reader, readable

WEIGHTS, TOKENIZER = "weights", "tokenizer"


class SpaceRepository:
    """Spaces within one transaction."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def find(self, name: str) -> SpaceRow | None:
        """The space of this name."""
        return self._session.exec(select(SpaceRow).where(col(SpaceRow.name) == name)).first()

    def get(self, space_id: int) -> SpaceRow:
        """The space an ESM belongs to."""
        return self._session.exec(select(SpaceRow).where(col(SpaceRow.id) == space_id)).one()

    def names(self, space_ids: Sequence[int]) -> dict[int, str]:
        """The names of some spaces, by id."""
        statement = select(col(SpaceRow.id), col(SpaceRow.name)).where(
            col(SpaceRow.id).in_(space_ids)
        )
        return {number: name for number, name in self._session.exec(statement).all() if number}

    def list(self, after: str | None, limit: int) -> Sequence[SpaceRow]:
        """Spaces by name, beginning after a name."""
        statement = select(SpaceRow).order_by(col(SpaceRow.name)).limit(limit)
        if after is not None:
            statement = statement.where(col(SpaceRow.name) > after)
        return self._session.exec(statement).all()

    def num_esms(self, space_ids: Sequence[int], reader: Reader) -> dict[int, int]:
        """How many live ESMs of each space the reader may read; spaces without are left out."""
        statement = (
            select(col(EsmRow.space_id), func.count())
            .where(
                col(EsmRow.space_id).in_(space_ids),
                col(EsmRow.live),
                readable(reader, col(EsmRow.namespace)),
            )
            .group_by(col(EsmRow.space_id))
        )
        return dict(self._session.exec(statement).all())

    def digests(self, space_ids: Sequence[int]) -> Sequence[SpaceDigestRow]:
        """Weight and tokenizer digests of some spaces."""
        statement = (
            select(SpaceDigestRow)
            .where(col(SpaceDigestRow.space_id).in_(space_ids))
            .order_by(col(SpaceDigestRow.digest))
        )
        return self._session.exec(statement).all()

    def of_dimension(self, dimension: int) -> Sequence[SpaceRow]:
        """All spaces of a width, by name."""
        statement = select(SpaceRow).where(col(SpaceRow.dimension) == dimension)
        return self._session.exec(statement.order_by(col(SpaceRow.name))).all()

    def save(self, row: SpaceRow) -> None:
        """Store what has changed in a space."""
        self._session.add(row)
        self._session.flush()

    def add(self, name: str, fingerprint: SpaceFingerprint, created_by: str) -> SpaceRow:
        """Store a new space."""
        row = SpaceRow(
            name=name,
            **fingerprint.identity.model_dump(),
            canaries=[list(canary) for canary in fingerprint.canaries],
            created_by=created_by,
        )
        self._session.add(row)
        self._session.flush()
        return row

    def count_change(self, space_id: int) -> None:
        """Give the space's pool a new generation."""
        row = self.get(space_id)
        row.generation += 1
        self._session.add(row)
        self._session.flush()

    def add_digests(self, space_id: int, fingerprint: SpaceFingerprint) -> None:
        """Remember the digests this fingerprint was made with."""
        for kind, digest in (
            (WEIGHTS, fingerprint.weight_digest),
            (TOKENIZER, fingerprint.tokenizer_digest),
        ):
            if digest is not None:
                self._session.merge(SpaceDigestRow(space_id=space_id, kind=kind, digest=digest))
