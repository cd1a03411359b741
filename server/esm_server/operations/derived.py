"""What the database keeps of a version that its files say too, and mending it from them."""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import numpy as np
from sqlmodel import Session, col, delete, select

from esm_client.core.artifact.directory import EsmArtifact
from esm_client.core.artifact.manifest import digest_file
from esm_client.core.errors import DigestMismatch
from esm_client.core.schemas import FitReport, SourceTask
from esm_server.admission.repository import MapSignatureRepository
from esm_server.admission.signature import signature_of
from esm_server.db import (
    EsmRow,
    EsmVersionRow,
    MapSignatureRow,
    SourceSketchRow,
    TextEmbeddingRow,
    VersionFileRow,
)
from esm_server.shield.repository import SourceSketchRepository, sketch_row
from esm_server.similar.repository import VectorRepository
from esm_server.storage.base import BlobStore

SAME = 1e-3
"""Relative difference below which two vectors are one: another machine rounds differently."""
_TABLES: tuple[Any, ...] = (MapSignatureRow, TextEmbeddingRow, SourceSketchRow)
Files = Mapping[str, VersionFileRow]


@dataclass(frozen=True, slots=True)
class Stored:
    """A version, its files, and the rows that were derived from them."""

    esm: EsmRow
    version: EsmVersionRow
    files: Files
    signature: MapSignatureRow | None
    text: TextEmbeddingRow | None
    sketch: SourceSketchRow | None

    @property
    def reference(self) -> str:
        """`namespace/name@3`."""
        return f"{self.esm.namespace}/{self.esm.name}@{self.version.version}"


def stored_versions(session: Session, ids: Sequence[int]) -> list[Stored]:
    """Some versions with what belongs to them, by key."""
    statement = (
        select(EsmRow, EsmVersionRow)
        .join(EsmVersionRow, col(EsmVersionRow.esm_id) == col(EsmRow.id))
        .where(col(EsmVersionRow.id).in_(ids))
        .order_by(col(EsmVersionRow.id))
    )
    files: dict[int, dict[str, VersionFileRow]] = {}
    for file in session.exec(select(VersionFileRow).where(col(VersionFileRow.version_id).in_(ids))):
        files.setdefault(file.version_id, {})[file.name] = file

    def by_version(table: Any) -> dict[int, Any]:
        rows = session.exec(select(table).where(table.version_id.in_(ids))).all()
        return {row.version_id: row for row in rows}

    derived = [by_version(table) for table in _TABLES]
    return [
        Stored(esm, version, files.get(key, {}), *(rows.get(key) for rows in derived))
        for esm, version in session.exec(statement).all()
        for key in (version.id or 0,)
    ]


def read_artifact(store: BlobStore, files: Files) -> EsmArtifact:
    """The ESM that a version's files hold.

    Raises NotFound, DigestMismatch for a damaged file, InvalidArtifact and its kin.
    """
    with ExitStack() as stack:
        paths = {
            name: stack.enter_context(store.local_copy(file.digest)) for name, file in files.items()
        }
        for name, path in paths.items():
            if (actual := digest_file(path)) != files[name].digest:
                raise DigestMismatch(f"The stored {name} has the digest {actual}.", "Push again.")
        return EsmArtifact.from_files(paths)


def wrong_columns(stored: Stored, artifact: EsmArtifact) -> list[str]:
    """The columns of a version that its files contradict."""
    version, config = stored.version, artifact.config
    fit = FitReport.model_validate(version.fit) if version.fit else None
    pairs = {
        "architecture": (version.architecture, config.architecture),
        "dimension": (version.dimension, config.dimension),
        "task": (SourceTask.model_validate(version.task), config.task),
        "fit": (fit, config.fit),
        "size": (version.size, size_of(stored.files)),
    }
    return [name for name, (kept, told) in pairs.items() if kept != told]


def wrong_vectors(stored: Stored, artifact: EsmArtifact) -> list[str]:
    """Which of the derived rows of a version are not what its files give."""
    texts = artifact.summary.get("text_embedding")
    wrong: list[str] = []
    if not _same(stored.signature and stored.signature.signature, signature_of(artifact.map)):
        wrong.append("signature")
    if not _same(stored.text and stored.text.embedding, texts):
        wrong.append("text embedding")
    sketches = artifact.source_sketches
    told = None if sketches is None else sketch_row(stored.version.id or 0, sketches).model_dump()
    if told != (None if stored.sketch is None else stored.sketch.model_dump()):
        wrong.append("source sketch")
    return wrong


def derive(session: Session, stored: Stored, artifact: EsmArtifact) -> None:
    """Write anew what the database keeps of a version's files."""
    key, config = stored.version.id or 0, artifact.config
    version = session.get(EsmVersionRow, key)
    if version is None:  # deleted meanwhile
        return
    version.architecture, version.dimension = config.architecture, config.dimension
    version.task = config.task.model_dump(mode="json")
    version.fit = config.fit.model_dump(mode="json") if config.fit else None
    version.size = size_of(stored.files)
    session.add(version)
    for table in _TABLES:
        session.connection().execute(delete(table).where(table.version_id == key))
    space_id = stored.esm.space_id
    MapSignatureRepository(session).add(key, space_id, signature_of(artifact.map))
    if (texts := artifact.summary.get("text_embedding")) is not None:
        VectorRepository(session).add_text(key, space_id, texts)
    if (sketches := artifact.source_sketches) is not None:
        SourceSketchRepository(session).add(key, sketches)


def size_of(files: Files) -> int:
    """Bytes of all files."""
    return sum(file.size for file in files.values())


def _same(kept: bytes | None, told: Any) -> bool:
    if kept is None or told is None:
        return kept is None and told is None
    if len(kept) != 4 * told.size:
        return False
    one, other = np.frombuffer(kept, "<f4").astype(np.float64), np.asarray(told, np.float64)
    scale = max(float(np.linalg.norm(one)), float(np.linalg.norm(other)), 1e-300)
    return bool(np.linalg.norm(one - other) <= SAME * scale)
