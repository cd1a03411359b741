"""Whether versions are what their digests and files say."""

from collections.abc import Iterator

from sqlmodel import col, select

from esm_client.core.artifact.manifest import manifest_digest
from esm_client.core.errors import EsmError
from esm_client.core.schemas import FileEntry, Manifest
from esm_server.db import EsmVersionRow
from esm_server.operations.blob_users import parts
from esm_server.operations.derived import (
    Stored,
    read_artifact,
    size_of,
    stored_versions,
    wrong_columns,
    wrong_vectors,
)
from esm_server.operations.finding import Finding, Report
from esm_server.operations.opening import Registry, Watch

SIGNATURE_BYTES = 4 * 72


def check_versions(
    registry: Registry, report: Report, *, deep: bool, watch: Watch
) -> Iterator[Finding]:
    """Digests, sizes and derived rows; with `deep` everything is compared with the files."""
    with registry.database.read() as session:
        ids = [key for key in session.exec(select(col(EsmVersionRow.id))).all() if key]
    report.versions = len(ids)
    for number, part in enumerate(parts(sorted(ids), 100)):
        watch(100 * number, len(ids))
        with registry.database.read() as session:
            found = stored_versions(session, part)
        for stored in found:
            yield from _version(registry, stored, deep=deep)


def _version(registry: Registry, stored: Stored, *, deep: bool) -> Iterator[Finding]:
    key, where = stored.version.id or 0, stored.reference
    files = {
        name: FileEntry.model_construct(sha256=file.digest, size=file.size)
        for name, file in stored.files.items()
    }
    digest = manifest_digest(Manifest.model_construct(files=files))
    if digest != stored.version.digest:
        what = f"Its digest is {stored.version.digest}, its manifest's is {digest}."
        yield Finding("digest-wrong", where, what, False, key)
        return  # whatever it is, nothing can be derived from it
    if deep:
        yield from _against_files(registry, stored)
        return
    if stored.version.size != size_of(stored.files):
        what = f"Its size is {stored.version.size}, not {size_of(stored.files)}."
        yield Finding("facts-wrong", where, what, True, key)
    if wrong := _wrong_at_a_glance(stored):
        yield Finding("vectors-wrong", where, f"{wrong}.", True, key)


def _against_files(registry: Registry, stored: Stored) -> Iterator[Finding]:
    key, where = stored.version.id or 0, stored.reference
    try:
        artifact = read_artifact(registry.store, stored.files)
    except (EsmError, OSError):  # missing or damaged, which another part of the check tells
        return
    if columns := wrong_columns(stored, artifact):
        yield Finding("facts-wrong", where, f"Its files contradict {columns}.", True, key)
    wrong = wrong_vectors(stored, artifact)
    wrong += [text for text in [_wrong_at_a_glance(stored)] if text and not wrong]
    if wrong:
        yield Finding("vectors-wrong", where, f"Not as its files say: {wrong}.", True, key)


def _wrong_at_a_glance(stored: Stored) -> str:
    """What can be seen of the derived rows without reading a file."""
    space = stored.esm.space_id
    if stored.signature is None:
        return "It has no signature"
    if len(stored.signature.signature) != SIGNATURE_BYTES:
        return "Its signature has a wrong length"
    if stored.signature.space_id != space:
        return "Its signature is filed under another space"
    if stored.text is None:
        return ""
    if len(stored.text.embedding) != 4 * stored.version.dimension:
        return "Its text embedding has a wrong length"
    return "" if stored.text.space_id == space else "Its text is filed under another space"
