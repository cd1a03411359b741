"""Queries on source models."""

from sqlmodel import Session, col, delete

from esm_client.core.schemas import SourceModelCreate
from esm_server.db import SourceModelFileRow, SourceModelRow


class SourceModelRepository:
    """Source models within one transaction."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def find(self, version_id: int | None) -> SourceModelRow | None:
        """The source model of a version."""
        return self._session.get(SourceModelRow, version_id)

    def add(self, model: SourceModelRow, request: SourceModelCreate, namespace: str) -> None:
        """Store a source model and its files, of a version in this namespace."""
        self._session.add(model)
        self._session.flush()
        for name, file in request.files.items():
            row = SourceModelFileRow(
                version_id=model.version_id, name=name, digest=file.sha256, size=file.size,
                namespace=namespace,
            )  # fmt: skip
            self._session.add(row)
        self._session.flush()

    def remove(self, model: SourceModelRow) -> None:
        """Remove a source model and the list of its files."""
        run = self._session.connection().execute
        for table in (SourceModelFileRow, SourceModelRow):
            run(delete(table).where(col(table.version_id) == model.version_id))
