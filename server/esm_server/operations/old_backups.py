"""Backups before the newest: forgetting some, and seeing whether the others are sound."""

from datetime import timedelta

from esm_client.core.errors import InvalidInput
from esm_server.db.columns import now
from esm_server.operations.backups import Backups, Point
from esm_server.operations.hashing import damage_of

GRACE = timedelta(days=1)
"""So young, a file may be of a backup that another machine is writing."""


def forget(backups: Backups, keep: int) -> tuple[list[str], int, int]:
    """Drop all but the newest points, then the files that no point names any more.

    The points that stay are read first: when one of them is damaged, nothing goes. Returns the
    dropped points, and how many files and bytes went. Raises InvalidInput, Unavailable.
    """
    names = backups.names()
    old, kept = names[:-keep], names[-keep:]
    named = set[str]()
    for name in kept:
        point = backups.read(name)
        named |= _dumps(point) | {digest for digest, _ in backups.blobs(point)}
    for name in old:
        backups.remove(name)
    count = size = 0
    for blob in list(backups.store.stored()):
        if blob.digest not in named and blob.modified_at < now() - GRACE:
            backups.store.remove(blob.digest)
            count, size = count + 1, size + blob.size
    return old, count, size


def damaged_points(backups: Backups, sound: set[str]) -> dict[str, str]:
    """Points that cannot be restored, and why; `sound` are files that were read just now.

    Reads everything else that a point names, once. Raises Unavailable.
    """
    faults: dict[str, str | None] = dict.fromkeys(sound)
    found: dict[str, str] = {}
    for name in backups.names():
        try:
            point = backups.read(name)
            digests = sorted(_dumps(point)) + [digest for digest, _ in backups.blobs(point)]
        except InvalidInput as error:
            found[name] = error.message
            continue
        for digest in digests:
            if digest not in faults:
                faults[digest] = damage_of(backups.store, digest)
            if (fault := faults[digest]) is not None:
                found[name] = f"{digest} {fault}"
                break
    return found


def _dumps(point: Point) -> set[str]:
    return {point.blobs.digest, *(part.digest for part in point.tables.values())}
