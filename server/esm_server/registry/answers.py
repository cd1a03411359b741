"""From stored rows to what travels."""

from collections.abc import Sequence
from typing import Any

from esm_client.core.references import Reference
from esm_client.core.schemas import (
    Esm,
    EsmVersion,
    EsmVersionDetail,
    FileEntry,
    FitReport,
    Manifest,
    SourceTask,
)
from esm_server.db import VersionFileRow
from esm_server.registry.repository import VersionRecord

Files = Sequence[VersionFileRow]


def as_esm(record: VersionRecord, files: Files) -> Esm:
    """An ESM from its latest version's record; `files` may hold those of others too."""
    row = record[0]
    return Esm(
        namespace=row.namespace,
        name=row.name,
        num_versions=row.num_versions,
        latest=as_version(record, files),
    )


def as_version(record: VersionRecord, files: Files) -> EsmVersion:
    """A version without its card and provenance."""
    return EsmVersion(**_fields(record, files))


def as_version_detail(record: VersionRecord, files: Files) -> EsmVersionDetail:
    """A version with its card and provenance."""
    row = record[1]
    return EsmVersionDetail(**_fields(record, files), card=row.card, provenance=row.provenance)


def _fields(record: VersionRecord, files: Files) -> dict[str, Any]:
    esm, version, space = record
    manifest = {
        file.name: FileEntry(sha256=file.digest, size=file.size)
        for file in files
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
        "fit": FitReport.model_validate(version.fit) if version.fit else None,
        "manifest": Manifest(files=manifest),
        "created_at": version.created_at,
        "created_by": version.created_by,
    }
