"""Deleting the rows of a version, or of an ESM, in the order their foreign keys need.

Blobs stay: another version may hold the same bytes, and what none holds is swept later. Until then
nobody brings it back by its digest: who wants it again has to send it again.
"""

from typing import Any

from sqlmodel import Session, col, delete

from esm_server.db import (
    AliasMoveRow,
    AliasRow,
    CardRevisionRow,
    EsmRow,
    EsmTagRow,
    EsmVersionRow,
    MapSignatureRow,
    SourceModelFileRow,
    SourceModelRow,
    SourceSketchRow,
    TextEmbeddingRow,
    VersionFileRow,
)
from esm_server.possession.repository import FILES, UploadRepository
from esm_server.registry.alias_repository import AliasRepository
from esm_server.registry.text_index import TextIndex

_OF_VERSION: tuple[Any, ...] = (
    CardRevisionRow,
    MapSignatureRow,
    SourceSketchRow,
    SourceModelFileRow,
    SourceModelRow,
    TextEmbeddingRow,
    VersionFileRow,
)


def delete_version_rows(session: Session, esm: EsmRow, version: EsmVersionRow, by: str) -> None:
    """Remove a version and all that hangs on it; its aliases end with a last move."""
    aliases = AliasRepository(session, esm.id or 0)
    for row in aliases.of_version(version.id):
        step = AliasMoveRow(esm_id=esm.id or 0, alias=row.name, from_version=version.version, by=by)
        aliases.remove(row, step)
    for files in FILES:
        UploadRepository(session).forget(files, version.id)
    run = session.connection().execute
    for table in _OF_VERSION:
        run(delete(table).where(table.version_id == version.id))
    session.delete(version)
    session.flush()


def delete_esm_rows(session: Session, esm: EsmRow) -> None:
    """Remove an ESM that has no versions any more."""
    TextIndex(session).remove(esm)
    run = session.connection().execute
    for table in (AliasMoveRow, AliasRow, EsmTagRow):
        run(delete(table).where(col(table.esm_id) == esm.id))
    session.delete(esm)
    session.flush()
