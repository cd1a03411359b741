"""From stored rows to what travels."""

from typing import Any

from esm_client.core.references import Reference
from esm_client.core.schemas import (
    Esm,
    EsmVersion,
    EsmVersionDetail,
    FileEntry,
    Finding,
    FitReport,
    Manifest,
    Source,
    SourceModel,
    SourceModelFile,
    SourceTask,
    Yank,
)
from esm_server.db import EsmVersionRow
from esm_server.registry.repository import Parts, VersionRecord


def as_esm(record: VersionRecord, parts: Parts) -> Esm:
    """An ESM from its latest version's record; `parts` may hold those of others too."""
    row = record[0]
    return Esm(
        namespace=row.namespace,
        name=row.name,
        description=row.description,
        tags=tuple(sorted(tag.tag for tag in parts.tags if tag.esm_id == row.id)),
        superseded_by=row.superseded_by,
        num_versions=row.num_versions,
        latest=as_version(record, parts),
    )


def as_version(record: VersionRecord, parts: Parts) -> EsmVersion:
    """A version without its card and provenance."""
    return EsmVersion(**_fields(record, parts))


def as_version_detail(record: VersionRecord, parts: Parts) -> EsmVersionDetail:
    """A version with its card and provenance."""
    row = record[1]
    return EsmVersionDetail(**_fields(record, parts), card=row.card, provenance=row.provenance)


def as_yank(row: EsmVersionRow) -> Yank | None:
    """Why, when and by whom a version was yanked, if it was."""
    if row.yanked_at is None:
        return None
    return Yank(reason=row.yank_reason or "", at=row.yanked_at, by=row.yanked_by or "")


def as_source_model(version_id: int | None, parts: Parts) -> SourceModel | None:
    """The source model stored beside a version, if there is one."""
    row = next((model for model in parts.source_models if model.version_id == version_id), None)
    if row is None:
        return None
    files = {
        file.name: SourceModelFile(sha256=file.digest, size=file.size)
        for file in parts.source_model_files
        if file.version_id == version_id
    }
    return SourceModel(
        files=files, digest=row.digest, created_at=row.created_at, created_by=row.created_by
    )


def _fields(record: VersionRecord, parts: Parts) -> dict[str, Any]:
    esm, version, space = record
    manifest = {
        file.name: FileEntry(sha256=file.digest, size=file.size)
        for file in parts.files
        if file.version_id == version.id
    }
    return {
        "reference": str(Reference(esm.namespace, esm.name, str(version.version))),
        "namespace": esm.namespace,
        "name": esm.name,
        "version": version.version,
        "digest": version.digest,
        "space": space.name,
        "architecture": version.architecture,
        "dimension": version.dimension,
        "task": SourceTask.model_validate(version.task),
        "source": Source.model_validate(version.source),
        "source_model": as_source_model(version.id, parts),
        "fit": FitReport.model_validate(version.fit) if version.fit else None,
        "manifest": Manifest(files=manifest),
        "aliases": sorted(alias.name for alias in parts.aliases if alias.version_id == version.id),
        "yank": as_yank(version),
        "findings": [Finding.model_validate(finding) for finding in version.findings],
        "created_at": version.created_at,
        "created_by": version.created_by,
    }
