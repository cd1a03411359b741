"""Queries on ESMs and versions."""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, tuple_
from sqlmodel import Session, col, select

from esm_client.core.schemas import Manifest
from esm_server.db import EsmRow, EsmVersionRow, SpaceRow, VersionFileRow

VersionRecord = tuple[EsmRow, EsmVersionRow, SpaceRow]

_VERSIONS = (
    select(EsmRow, EsmVersionRow, SpaceRow)
    .join(EsmVersionRow, col(EsmVersionRow.esm_id) == col(EsmRow.id))
    .join(SpaceRow, col(SpaceRow.id) == col(EsmRow.space_id))
)
_LATEST = _VERSIONS.where(col(EsmVersionRow.version) == col(EsmRow.num_versions))


class EsmRepository:
    """ESMs and versions within one transaction."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def find(self, namespace: str, name: str) -> EsmRow | None:
        """The ESM of this name."""
        return self._session.exec(select(EsmRow).where(_is(namespace, name))).first()

    def list_latest(
        self, space_id: int | None, after: tuple[str, str] | None, limit: int | None
    ) -> Sequence[VersionRecord]:
        """The latest version of each ESM, by name; `limit` None means all of them."""
        key = (col(EsmRow.namespace), col(EsmRow.name))
        statement = _LATEST.order_by(*key)
        if space_id is not None:
            statement = statement.where(col(EsmRow.space_id) == space_id)
        if after is not None:
            statement = statement.where(tuple_(*key) > after)
        return self._session.exec(statement.limit(limit)).all()

    def latest(self, namespace: str, name: str) -> VersionRecord | None:
        """The version with the highest number."""
        return self._session.exec(_LATEST.where(_is(namespace, name))).first()

    def by_number(self, namespace: str, name: str, version: int) -> VersionRecord | None:
        """The version of this number."""
        statement = _VERSIONS.where(_is(namespace, name), col(EsmVersionRow.version) == version)
        return self._session.exec(statement).first()

    def by_digest(self, namespace: str, name: str, digest: str) -> VersionRecord | None:
        """The version of this digest."""
        statement = _VERSIONS.where(_is(namespace, name), col(EsmVersionRow.digest) == digest)
        return self._session.exec(statement).first()

    def list_versions(
        self, namespace: str, name: str, before: int | None, limit: int
    ) -> Sequence[VersionRecord]:
        """Versions of one ESM, newest first."""
        statement = _VERSIONS.where(_is(namespace, name))
        if before is not None:
            statement = statement.where(col(EsmVersionRow.version) < before)
        statement = statement.order_by(col(EsmVersionRow.version).desc()).limit(limit)
        return self._session.exec(statement).all()

    def files(self, version_ids: Sequence[int | None]) -> Sequence[VersionFileRow]:
        """The files of some versions."""
        statement = (
            select(VersionFileRow)
            .where(col(VersionFileRow.version_id).in_(version_ids))
            .order_by(col(VersionFileRow.name))
        )
        return self._session.exec(statement).all()

    def digests_of_file(self, space_id: int, filename: str) -> dict[int | None, str]:
        """The digest of one file of the latest versions of a space, by version key."""
        statement = (
            select(VersionFileRow.version_id, VersionFileRow.digest)
            .join(EsmVersionRow, col(EsmVersionRow.id) == col(VersionFileRow.version_id))
            .join(EsmRow, col(EsmRow.id) == col(EsmVersionRow.esm_id))
            .where(
                col(EsmRow.space_id) == space_id,
                col(EsmVersionRow.version) == col(EsmRow.num_versions),
                col(VersionFileRow.name) == filename,
            )
        )
        return dict(self._session.exec(statement).all())

    def add_esm(self, namespace: str, name: str, space_id: int) -> EsmRow:
        """Store a new, still empty ESM."""
        row = EsmRow(namespace=namespace, name=name, space_id=space_id)
        self._session.add(row)
        self._session.flush()
        return row

    def add_version(self, esm: EsmRow, version: EsmVersionRow, manifest: Manifest) -> None:
        """Store the next version of an ESM and its files."""
        self._session.add(version)
        esm.num_versions = version.version
        self._session.add(esm)
        self._session.flush()
        if version.id is None:
            raise LookupError("the database gave the version no key")
        for name, entry in manifest.files.items():
            file = VersionFileRow(
                version_id=version.id, name=name, digest=entry.sha256, size=entry.size
            )
            self._session.add(file)
        self._session.flush()


def _is(namespace: str, name: str) -> ColumnElement[bool]:
    return (col(EsmRow.namespace) == namespace) & (col(EsmRow.name) == name)
