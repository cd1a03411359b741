"""Queries on ESMs and versions; a repository sees what its reader may see."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, and_
from sqlalchemy.orm import defer, load_only
from sqlmodel import Session, col, delete, select

from esm_client.core.schemas import Manifest
from esm_server.db import (
    AliasRow,
    EsmRow,
    EsmTagRow,
    EsmVersionRow,
    SourceModelFileRow,
    SourceModelRow,
    SpaceRow,
    VersionFileRow,
)
from esm_server.db.visibility import Reader, readable

_CANARIES: Any = SpaceRow.canaries  # a large column, of no use beside every version
VersionRecord = tuple[EsmRow, EsmVersionRow, SpaceRow]

_VERSIONS = (
    select(EsmRow, EsmVersionRow, SpaceRow)
    .join(EsmVersionRow, col(EsmVersionRow.esm_id) == col(EsmRow.id))
    .join(SpaceRow, col(SpaceRow.id) == col(EsmRow.space_id))
    .options(defer(_CANARIES))
)
_LIVE_ESM: Any = (EsmRow.namespace, EsmRow.name)
_LIVE_VERSION: Any = (
    EsmVersionRow.version, EsmVersionRow.digest, EsmVersionRow.source,
    EsmVersionRow.near_duplicate_of,
)  # fmt: skip
IS_LATEST = col(EsmVersionRow.version) == col(EsmRow.latest_number)


@dataclass(frozen=True, slots=True)
class Parts:
    """What belongs to some versions and ESMs, to be looked up by their ids."""

    files: Sequence[VersionFileRow] = ()
    aliases: Sequence[AliasRow] = ()
    source_models: Sequence[SourceModelRow] = ()
    source_model_files: Sequence[SourceModelFileRow] = ()
    tags: Sequence[EsmTagRow] = ()

    def by_version(self) -> Mapping[int, "Parts"]:
        """The parts of each version alone, so that many are looked up in no time."""
        found: dict[int, Parts] = {}
        for name in ("files", "aliases", "source_models", "source_model_files"):
            for row in getattr(self, name):
                own = found.setdefault(row.version_id, Parts([], [], [], []))
                getattr(own, name).append(row)
        return found


class EsmRepository:
    """ESMs and versions within one transaction."""

    def __init__(self, session: Session, reader: Reader) -> None:
        self.session = session
        self._readable = readable(reader, col(EsmRow.namespace))

    def find(self, namespace: str, name: str) -> EsmRow | None:
        """The ESM of this name."""
        return self.session.exec(select(EsmRow).where(self._is(namespace, name))).first()

    def candidates(
        self, space_id: int, filename: str, where: Sequence[ColumnElement[bool]] = ()
    ) -> Sequence[tuple[int, str]]:
        """What a ranking compares: the latest version of each live ESM, with a file's digest."""
        statement = (
            select(col(EsmVersionRow.id), col(VersionFileRow.digest))
            .join(EsmRow, col(EsmRow.id) == col(EsmVersionRow.esm_id))
            .join(VersionFileRow, col(VersionFileRow.version_id) == col(EsmVersionRow.id))
            .where(self._ranked(space_id), col(VersionFileRow.name) == filename, *where)
            .order_by(col(EsmVersionRow.id))
        )
        return self.session.exec(statement).all()  # pyright: ignore[reportReturnType]

    def packed(self, space_id: int, keys: Sequence[int]) -> Sequence[VersionRecord]:
        """Those of some versions that a space ranks, by key."""
        statement = _VERSIONS.where(self._ranked(space_id), col(EsmVersionRow.id).in_(keys))
        return self.session.exec(statement.order_by(col(EsmVersionRow.id))).all()

    def live(self, space_id: int) -> Sequence[tuple[EsmRow, EsmVersionRow]]:
        """All that a space ranks, by key, with a few of their columns."""
        statement = (
            select(EsmRow, EsmVersionRow)
            .join(EsmVersionRow, col(EsmVersionRow.esm_id) == col(EsmRow.id))
            .options(load_only(*_LIVE_ESM), load_only(*_LIVE_VERSION))
            .where(self._ranked(space_id))
            .order_by(col(EsmVersionRow.id))
        )
        return self.session.exec(statement).all()

    def live_tags(self, space_id: int) -> Mapping[int, Sequence[str]]:
        """The tags of all that a space ranks, by the key of the ESM."""
        statement = (
            select(EsmTagRow.esm_id, EsmTagRow.tag)
            .join(EsmRow, col(EsmRow.id) == col(EsmTagRow.esm_id))
            .join(EsmVersionRow, col(EsmVersionRow.esm_id) == col(EsmRow.id))
            .where(self._ranked(space_id))
            .order_by(col(EsmTagRow.tag))
        )
        found: dict[int, list[str]] = {}
        for esm_id, tag in self.session.exec(statement).all():
            found.setdefault(esm_id, []).append(tag)
        return found

    def by_ids(self, version_ids: Sequence[int]) -> dict[int, VersionRecord]:
        """Versions by their keys, few enough for one statement; deleted ones are left out."""
        statement = _VERSIONS.where(col(EsmVersionRow.id).in_(version_ids), self._readable)
        return {record[1].id or 0: record for record in self.session.exec(statement).all()}

    def latest(self, namespace: str, name: str) -> VersionRecord | None:
        """The newest live version, or the newest where all are yanked."""
        statement = _VERSIONS.where(self._is(namespace, name), IS_LATEST)
        return self.session.exec(statement).first()

    def by_number(self, namespace: str, name: str, version: int) -> VersionRecord | None:
        """The version of this number."""
        statement = _VERSIONS.where(
            self._is(namespace, name), col(EsmVersionRow.version) == version
        )
        return self.session.exec(statement).first()

    def by_digest(self, namespace: str, name: str, digest: str) -> VersionRecord | None:
        """The version of this digest."""
        statement = _VERSIONS.where(self._is(namespace, name), col(EsmVersionRow.digest) == digest)
        return self.session.exec(statement).first()

    def by_alias(self, namespace: str, name: str, alias: str) -> VersionRecord | None:
        """The version an alias points to."""
        statement = _VERSIONS.join(
            AliasRow, col(AliasRow.version_id) == col(EsmVersionRow.id)
        ).where(self._is(namespace, name), col(AliasRow.name) == alias)
        return self.session.exec(statement).first()

    def list_versions(
        self, namespace: str, name: str, before: int | None, limit: int
    ) -> Sequence[VersionRecord]:
        """Versions of one ESM, newest first."""
        statement = _VERSIONS.where(self._is(namespace, name))
        if before is not None:
            statement = statement.where(col(EsmVersionRow.version) < before)
        statement = statement.order_by(col(EsmVersionRow.version).desc()).limit(limit)
        return self.session.exec(statement).all()

    def versions_of(self, esm: EsmRow) -> Sequence[EsmVersionRow]:
        """All versions of an ESM, newest first."""
        statement = (
            select(EsmVersionRow)
            .where(col(EsmVersionRow.esm_id) == esm.id)
            .order_by(col(EsmVersionRow.version).desc())
        )
        return self.session.exec(statement).all()

    def parts(self, records: Sequence[VersionRecord]) -> Parts:
        """Files, aliases, source models and tags of some versions and their ESMs."""
        versions = [version.id for _, version, _ in records]
        esms = {esm.id for esm, _, _ in records}
        run = self.session.exec
        return Parts(
            files=self.files(versions),
            aliases=run(select(AliasRow).where(col(AliasRow.version_id).in_(versions))).all(),
            source_models=run(
                select(SourceModelRow).where(col(SourceModelRow.version_id).in_(versions))
            ).all(),
            source_model_files=run(
                select(SourceModelFileRow)
                .where(col(SourceModelFileRow.version_id).in_(versions))
                .order_by(col(SourceModelFileRow.name))
            ).all(),
            tags=run(select(EsmTagRow).where(col(EsmTagRow.esm_id).in_(esms))).all(),
        )

    def files(self, version_ids: Sequence[int | None]) -> Sequence[VersionFileRow]:
        """The manifests of some versions, files by name."""
        statement = (
            select(VersionFileRow)
            .where(col(VersionFileRow.version_id).in_(version_ids))
            .order_by(col(VersionFileRow.name))
        )
        return self.session.exec(statement).all()

    def with_source_model(self, version_ids: Sequence[int]) -> set[int]:
        """Which of some versions have a source model."""
        statement = select(SourceModelRow.version_id).where(
            col(SourceModelRow.version_id).in_(version_ids)
        )
        return set(self.session.exec(statement).all())

    def add_esm(self, namespace: str, name: str, space_id: int) -> EsmRow:
        """Store a new, still empty ESM."""
        row = EsmRow(namespace=namespace, name=name, space_id=space_id)
        self.session.add(row)
        self.session.flush()
        return row

    def add_version(self, esm: EsmRow, version: EsmVersionRow, manifest: Manifest) -> int:
        """Store the next version of an ESM and its files; returns its id."""
        self.session.add(version)
        esm.last_number = version.version
        self.session.add(esm)
        self.session.flush()
        if version.id is None:
            raise LookupError("the database gave the version no key")
        for name, entry in manifest.files.items():
            file = VersionFileRow(
                version_id=version.id, name=name, digest=entry.sha256, size=entry.size,
                namespace=esm.namespace,
            )  # fmt: skip
            self.session.add(file)
        self.session.flush()
        return version.id

    def save(self, row: EsmRow | EsmVersionRow) -> None:
        """Store what has changed in a row."""
        self.session.add(row)
        self.session.flush()

    def set_tags(self, esm: EsmRow, tags: Sequence[str]) -> None:
        """Replace the tags of an ESM."""
        run = self.session.connection().execute
        run(delete(EsmTagRow).where(col(EsmTagRow.esm_id) == esm.id))
        self.session.add_all(EsmTagRow(esm_id=esm.id or 0, tag=tag) for tag in sorted(set(tags)))
        self.session.flush()

    def _ranked(self, space_id: int) -> ColumnElement[bool]:
        """What a ranking compares: the latest version of each live ESM that none supersedes."""
        return and_(
            self._readable,
            IS_LATEST,
            col(EsmRow.space_id) == space_id,
            col(EsmRow.live),
            col(EsmRow.superseded_by).is_(None),
        )

    def _is(self, namespace: str, name: str) -> ColumnElement[bool]:
        own = (col(EsmRow.namespace) == namespace) & (col(EsmRow.name) == name)
        return own & self._readable
