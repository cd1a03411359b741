"""Queries on source sketches."""

from collections.abc import Sequence

import numpy as np
from sqlmodel import Session, col, select

from esm_client.core.shield.source import SourceSketches
from esm_server.db import EsmRow, EsmVersionRow, SourceSketchRow
from esm_server.db.visibility import Reader, readable


class SourceSketchRepository:
    """Source sketches within one transaction."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, version_id: int, sketches: SourceSketches) -> None:
        """Store the sketches of a version."""
        self._session.add(sketch_row(version_id, sketches))
        self._session.flush()

    def find(self, reader: Reader, digests: Sequence[str]) -> Sequence[tuple[str, SourceSketchRow]]:
        """Sketches by version digest, as far as they exist and the reader may read the ESM."""
        statement = (
            select(EsmVersionRow.digest, SourceSketchRow)
            .join(SourceSketchRow, col(SourceSketchRow.version_id) == col(EsmVersionRow.id))
            .join(EsmRow, col(EsmRow.id) == col(EsmVersionRow.esm_id))
            .where(col(EsmVersionRow.digest).in_(digests), readable(reader, col(EsmRow.namespace)))
            .order_by(col(EsmVersionRow.digest), col(EsmVersionRow.id))
        )
        return self._session.exec(statement).all()


def sketch_row(version_id: int, sketches: SourceSketches) -> SourceSketchRow:
    """The sketches of a version as they are stored."""
    same = np.array_equal(sketches.rows.hashes, sketches.texts.hashes)
    return SourceSketchRow(
        version_id=version_id,
        rule=sketches.rule,
        num_rows=sketches.rows.total,
        num_texts=sketches.texts.total,
        rows=sketches.rows.hashes.astype("<u8").tobytes(),
        texts=b"" if same else sketches.texts.hashes.astype("<u8").tobytes(),
    )
