"""Sweeping blobs that no version and no source model names."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from esm_server.db.columns import now
from esm_server.db.database import hold
from esm_server.operations.blob_users import named_blobs, parts, still_named
from esm_server.operations.opening import Registry, Watch, nobody_watches
from esm_server.possession.repository import SWEPT, UploadRepository
from esm_server.storage.base import StoredBlob

BATCH = 100
"""Blobs that are removed in one transaction, for which pushes wait."""


@dataclass(slots=True)
class Sweep:
    """What was removed, or would be, and what is too young for it."""

    removed: int = 0
    removed_bytes: int = 0
    young: int = 0
    young_bytes: int = 0


def sweep(
    registry: Registry,
    grace: timedelta,
    *,
    dry_run: bool = False,
    watch: Watch = nobody_watches,
) -> Sweep:
    """Remove blobs that nothing names and that were stored or sent again longer than `grace` ago.

    With them goes what interrupted uploads left, and what the database keeps of uploads, a week ago
    and longer: nobody can go on with either.

    Nothing that is named can be swept, whatever is pushed meanwhile. Each batch is looked up and
    removed inside one write transaction, and so is each commit of a version: the commit sees,
    inside its own, that its blobs are there. As write transactions exclude one another, either
    the commit comes first, and we find its blobs named; or we come first, and the commit misses
    them, answers so, and the client uploads them again.
    """
    done, latest = Sweep(), now() - grace
    if not dry_run:
        registry.store.sweep()
        _forget_uploads(registry)
    old = _old_blobs(registry, latest, done)
    for number, batch in enumerate(parts(old, BATCH)):
        watch(number * BATCH, len(old))
        if dry_run:
            _count(done, batch)
            continue
        with registry.database.write() as session:
            digests = [blob.digest for blob in batch]
            kept = still_named(session, digests)
            kept |= UploadRepository(session).sent_since(latest, digests)
            unnamed = [blob for blob in batch if blob.digest not in kept]
            for blob in unnamed:
                hold(session)
                registry.store.remove(blob.digest)
        _count(done, unnamed)
    watch(len(old), len(old))
    return done


def _forget_uploads(registry: Registry) -> None:
    swept = SWEPT
    while swept == SWEPT:
        with registry.database.write() as session:
            swept = UploadRepository(session).sweep()


def _old_blobs(registry: Registry, latest: datetime, done: Sweep) -> list[StoredBlob]:
    with registry.database.read() as session:
        named = named_blobs(session)
        sent = UploadRepository(session).sent_since(latest)
    old: list[StoredBlob] = []
    for blob in registry.store.stored():
        if blob.digest in named:
            continue
        if blob.modified_at <= latest and blob.digest not in sent:
            old.append(blob)
        else:
            done.young += 1
            done.young_bytes += blob.size
    return old


def _count(done: Sweep, blobs: list[StoredBlob]) -> None:
    done.removed += len(blobs)
    done.removed_bytes += sum(blob.size for blob in blobs)
