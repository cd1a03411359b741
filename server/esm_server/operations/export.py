"""Writing a space into a file that another server can take in."""

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from sqlmodel import Session, col, select

from esm_client.core.disk import beside, disk_errors
from esm_client.core.errors import DigestMismatch
from esm_client.core.packs import CONTENT, Member, blob_name, document, esm_name, pack_bytes
from esm_server.auth.caller import Caller
from esm_server.db import EsmRow, EsmVersionRow, NamespaceRow
from esm_server.db.visibility import Reader
from esm_server.operations.blob_users import parts
from esm_server.operations.opening import Registry, Watch, nobody_watches
from esm_server.operations.space_file import ExportedSpace, ExportedVersion
from esm_server.registry.answers import as_version_detail
from esm_server.registry.repository import IS_LATEST, EsmRepository
from esm_server.spaces.repository import SpaceRepository
from esm_server.spaces.service import find_space, require_id, space_detail
from esm_server.storage.base import BlobStore


@dataclass(slots=True)
class Exported:
    """What an export holds, and what it had to leave out."""

    versions: int = 0
    bytes: int = 0
    lost: list[str] = field(default_factory=list[str])
    """Versions of which the store has lost a file."""


def export_space(
    registry: Registry,
    operator: Caller,
    name: str,
    file: Path,
    *,
    all_versions: bool = False,
    watch: Watch = nobody_watches,
) -> Exported:
    """Write the latest live version of each ESM of a space, or all versions, into a file.

    Each blob is hashed while it is written, and the file appears when all of it is there.
    Raises NotFound, InvalidInput for a file that cannot be written, DigestMismatch for a damaged
    blob, StorageFull.
    """
    space, found = _read(registry, operator, name, all_versions=all_versions)
    done = Exported()
    whole: list[ExportedVersion] = []
    for one in found:
        files = one.version.manifest.files.values()
        if all(registry.store.size(entry.sha256) == entry.size for entry in files):
            whole.append(one)
        else:
            done.lost.append(one.version.reference)
    members = [document(CONTENT, space.model_dump_json().encode())]
    members += _members(registry.store, whole)
    total = sum(member.size for member in members)
    part = beside(file)
    try:
        with disk_errors(file, "Name a file that you may write."), part.open("xb") as target:
            for data in pack_bytes(members):
                target.write(data)
                done.bytes += len(data)
                watch(done.bytes, total)
            target.flush()
            os.fsync(target.fileno())
        part.replace(file)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    done.versions = len(whole)
    return done


def _read(
    registry: Registry, operator: Caller, name: str, *, all_versions: bool
) -> tuple[ExportedSpace, list[ExportedVersion]]:
    with registry.database.read() as session:
        row = find_space(SpaceRepository(session), name)
        detail = space_detail(session, operator, row)
        found = list(_versions(session, operator, require_id(row), all_versions=all_versions))
        hidden = set(session.exec(select(NamespaceRow.name).where(col(NamespaceRow.private))))
    private = sorted({one.version.namespace for one in found} & hidden)
    return ExportedSpace(space=detail, private_namespaces=tuple(private)), found


def _versions(
    session: Session, operator: Reader, space_id: int, *, all_versions: bool
) -> Iterator[ExportedVersion]:
    statement = (
        select(col(EsmVersionRow.id))
        .join(EsmRow, col(EsmRow.id) == col(EsmVersionRow.esm_id))
        .where(col(EsmRow.space_id) == space_id)
        .order_by(col(EsmVersionRow.id))
    )
    if not all_versions:
        statement = statement.where(col(EsmRow.live), IS_LATEST)
    esms = EsmRepository(session, operator)
    for part in parts(session.exec(statement).all()):
        records = esms.by_ids([key or 0 for key in part])
        belongings = esms.parts(list(records.values()))
        of_version = belongings.by_version()
        for key in sorted(records):
            esm = records[key][0]
            tags = sorted(tag.tag for tag in belongings.tags if tag.esm_id == esm.id)
            yield ExportedVersion(
                version=as_version_detail(records[key], of_version[key]),
                description=esm.description,
                tags=tuple(tags),
                superseded_by=esm.superseded_by,
            )


def _members(store: BlobStore, found: list[ExportedVersion]) -> Iterator[Member]:
    sent: set[str] = set()
    for number, one in enumerate(found):
        for entry in one.version.manifest.files.values():
            if entry.sha256 not in sent:
                sent.add(entry.sha256)
                read = _reader(store, entry.sha256, entry.size)
                yield Member(blob_name(entry.sha256), entry.size, read)
        yield document(esm_name(number), one.model_dump_json().encode())


def _reader(store: BlobStore, digest: str, size: int) -> Callable[[int], Iterable[bytes]]:
    def read(start: int) -> Iterator[bytes]:
        hashed = hashlib.sha256()
        for chunk in store.read(digest, start, size):
            hashed.update(chunk)
            yield chunk
        if f"sha256:{hashed.hexdigest()}" != digest:
            raise DigestMismatch(
                f"The blob {digest} is damaged, so nothing was exported.",
                "Run: esm-server scrub --repair, which tells whose it is.",
            )

    return read
