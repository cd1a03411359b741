"""Sweeping blobs that no version and no source model names."""

from dataclasses import dataclass
from datetime import timedelta

from esm_server.db.columns import now
from esm_server.db.database import hold
from esm_server.operations.blob_users import named_blobs, parts, still_named
from esm_server.operations.opening import Registry, Watch, nobody_watches
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
    """Remove blobs that nothing names and that were stored longer than `grace` ago.

    With them goes what interrupted uploads left a week ago and longer.

    Nothing that is named can be swept, whatever is pushed meanwhile. Each batch is looked up and
    removed inside one write transaction, and so is each commit of a version: the commit sees,
    inside its own, that its blobs are there. As write transactions exclude one another, either
    the commit comes first, and we find its blobs named; or we come first, and the commit misses
    them, answers so, and the client uploads them again.
    """
    done = Sweep()
    if not dry_run:
        registry.store.sweep()
    old = _old_blobs(registry, grace, done)
    for number, batch in enumerate(parts(old, BATCH)):
        watch(number * BATCH, len(old))
        if dry_run:
            _count(done, batch)
            continue
        with registry.database.write() as session:
            named = still_named(session, [blob.digest for blob in batch])
            unnamed = [blob for blob in batch if blob.digest not in named]
            for blob in unnamed:
                hold(session)
                registry.store.remove(blob.digest)
        _count(done, unnamed)
    watch(len(old), len(old))
    return done


def _old_blobs(registry: Registry, grace: timedelta, done: Sweep) -> list[StoredBlob]:
    with registry.database.read() as session:
        named = named_blobs(session)
    latest = now() - grace
    old: list[StoredBlob] = []
    for blob in registry.store.stored():
        if blob.digest in named:
            continue
        if blob.modified_at <= latest:
            old.append(blob)
        else:
            done.young += 1
            done.young_bytes += blob.size
    return old


def _count(done: Sweep, blobs: list[StoredBlob]) -> None:
    done.removed += len(blobs)
    done.removed_bytes += sum(blob.size for blob in blobs)
