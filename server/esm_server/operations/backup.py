"""Copying a registry while it is used."""

import hashlib
import tempfile
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from esm_client.core.errors import Unavailable
from esm_server.db import revisions
from esm_server.db.columns import now
from esm_server.operations.backups import Backups, Point, StoredPart, name_at
from esm_server.operations.blob_users import named_blobs, shown, users_of
from esm_server.operations.copying import copy_blobs
from esm_server.operations.dump import dumped, next_key, table_names
from esm_server.operations.hashing import damage_of
from esm_server.operations.old_backups import damaged_points, forget
from esm_server.operations.opening import Registry, Watch, nobody_watches
from esm_server.operations.rights import Rights
from esm_server.operations.rights_list import rights_of
from esm_server.storage.base import BlobStore
from esm_server.system.version import server_version

ATTEMPTS = 5
CHUNK = 2**20
BLOBS = "the list of blobs"


@dataclass(slots=True)
class BackedUp:
    """What a backup holds."""

    point: str = ""
    rows: int = 0
    blobs: int = 0
    bytes: int = 0
    lost: dict[str, str] = field(default_factory=dict[str, str])
    """Blobs that the registry itself has lost or damaged, and what needs them; those that an
    earlier backup has copied are in this one too."""
    damaged: dict[str, str] = field(default_factory=dict[str, str])
    """Points that cannot be restored any more, and why; known after `verify` alone."""
    forgotten: list[str] = field(default_factory=list[str])
    """Points that went, the oldest first."""
    removed_blobs: int = 0
    removed_bytes: int = 0
    """Of files that only those named."""


def back_up(
    registry: Registry, target: Backups, watch: Watch = nobody_watches, *,
    verify: bool = False, keep: int | None = None,
) -> BackedUp:  # fmt: skip
    """Add a point to the backups of a place; what lies there already is not copied again.

    The tables are read as of one moment, then the blobs they name are copied, which never change.
    A version that is deleted meanwhile may lose its blobs to `gc` before we come to them: then
    the tables are read again, which do not name them any more. So neither waits for the other.
    A point appears when all of it is there; an interrupted backup leaves blobs that the next one
    need not copy. verify: read all that lies there and copy what is damaged again. keep: so many
    points stay, with what they name. Raises StorageFull, Conflict for an empty registry and for
    another one than the place is of, InvalidInput for a damaged point that is to stay, and
    Unavailable, also for a store that has none of the files: it is another one, or not mounted.
    """
    with target.written():
        with registry.database.read() as session:
            rights = rights_of(session, now())
        target.check_takes(rights)
        done, blobs = _add(registry, target, watch, verify=verify)
        if keep is not None:
            done.forgotten, done.removed_blobs, done.removed_bytes = forget(target, keep)
        if verify:
            done.damaged = damaged_points(target, blobs, watch)
        return done


def _add(
    registry: Registry, target: Backups, watch: Watch, *, verify: bool
) -> tuple[BackedUp, set[str]]:
    """Add a point; and the digests of the files that it names and has."""
    for _ in range(ATTEMPTS):
        at = now()
        point, blobs, rights = _dump(registry, target.store, at)
        gone = _gone(registry.store, blobs)
        if blobs and len(gone) == len(blobs):
            raise Unavailable(
                f"The registry's store has none of its {len(blobs)} files; no backup was made.",
                "Correct the store's settings, or see that its disk is mounted.",
            )
        faulty = copy_blobs(registry.store, target.store, blobs, watch, verify=verify)
        with registry.database.read() as session:
            users = users_of(session, sorted({*faulty, *gone}))
        if not users.keys() >= {*faulty, *gone}:
            continue
        point = point.model_copy(update={"lost": sorted(faulty)})
        name = name_at(at)
        target.write(name, point)
        target.write_rights(name, rights)
        rows = sum(part.count for part in point.tables.values())
        lost = {digest: shown(users[digest]) for digest in users}
        kept = len(blobs) - len(faulty)
        done = BackedUp(name, rows, kept, point.blob_bytes, lost)
        return done, {digest for digest, _ in blobs}.difference(faulty)
    raise Unavailable(
        f"Versions were deleted and swept during each of {ATTEMPTS} attempts.",
        "Run the backup again; run gc less often.",
    )


def _gone(store: BlobStore, blobs: Sequence[tuple[str, int]]) -> list[str]:
    """What the store does not hold in its size."""
    there = {blob.digest: blob.size for blob in store.stored()}
    missing = [(digest, size) for digest, size in blobs if there.get(digest) != size]
    return [digest for digest, size in missing if store.size(digest) != size]


def _dump(
    registry: Registry, store: BlobStore, at: datetime
) -> tuple[Point, list[tuple[str, int]], Rights]:
    # Written here first: a store that is slow shall not keep the database's snapshot open.
    registry.data_dir.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        files: dict[str, tuple[Any, int]] = {}

        def write(name: str, lines: Iterable[bytes]) -> None:
            file = stack.enter_context(tempfile.TemporaryFile(dir=registry.data_dir))
            count = 0
            for count, line in enumerate(lines, 1):  # noqa: B007 - the last one counts
                file.write(line)
            files[name] = file, count

        with registry.database.read() as session:
            following = next_key(session)
            named = sorted(named_blobs(session).items())
            rights = rights_of(session, at)
            for name in table_names():
                write(name, dumped(session, name))
        write(BLOBS, (f"{digest} {size}\n".encode() for digest, size in named))
        stored = {name: _stored(store, *found) for name, found in files.items()}
    point = Point(
        created_at=now().isoformat(),
        server_version=server_version(),
        revision=revisions.head(),
        next_version_key=following,
        blobs=stored.pop(BLOBS),
        tables=stored,
        blob_bytes=sum(size for _, size in named),
    )
    return point, named, rights


def _stored(store: BlobStore, file: Any, count: int) -> StoredPart:
    size = file.tell()
    file.seek(0)
    digest = f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}"
    file.seek(0)
    if store.size(digest) is not None and damage_of(store, digest) is not None:
        store.remove(digest)  # of an earlier backup, which a power cut or a disk has damaged
    store.put_many([(digest, iter(lambda: file.read(CHUNK), b""))])
    return StoredPart(digest=digest, size=size, count=count)
