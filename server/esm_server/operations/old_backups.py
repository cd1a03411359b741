"""Backups before the newest: forgetting some, and seeing whether the others are sound."""

from datetime import timedelta

from esm_client.core.errors import InvalidInput
from esm_server.db.columns import now
from esm_server.operations.backups import Backups, Point
from esm_server.operations.hashing import damage_of
from esm_server.operations.opening import Watch

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
        try:
            named |= _files(backups, backups.read(name)).keys()
        except InvalidInput as error:
            raise InvalidInput(
                f"Nothing was forgotten, as the backup {name} is to stay and cannot be read: "
                f"{error.message}",
                f"Run backup --verify, or remove the document {name}.json among its points.",
            ) from error
    for name in old:
        backups.remove(name)
    count = size = 0
    for blob in list(backups.store.stored()):
        if blob.digest not in named and blob.modified_at < now() - GRACE:
            backups.store.remove(blob.digest)
            count, size = count + 1, size + blob.size
    return old, count, size


def damaged_points(backups: Backups, sound: set[str], watch: Watch) -> dict[str, str]:
    """Points that cannot be restored, and why; `sound` are files that were read just now.

    Reads everything else that a point names, once. Raises Unavailable.
    """
    points: dict[str, dict[str, int]] = {}
    found: dict[str, str] = {}
    for name in backups.names():
        try:
            points[name] = _files(backups, backups.read(name))
        except InvalidInput as error:
            found[name] = error.message
    unread = {d: size for files in points.values() for d, size in files.items() if d not in sound}
    done, total = 0, sum(unread.values())
    faults: dict[str, str] = {}
    for digest, size in unread.items():
        if (fault := damage_of(backups.store, digest)) is not None:
            faults[digest] = fault
        done += size
        watch(done, total)
    for name, files in points.items():
        for digest in sorted(files.keys() & faults.keys())[:1]:
            found[name] = f"{digest} {faults[digest]}"
    return found


def _files(backups: Backups, point: Point) -> dict[str, int]:
    """All files that a point consists of, and their sizes; raises InvalidInput, Unavailable."""
    dumps = {part.digest: part.size for part in (point.blobs, *point.tables.values())}
    return dumps | dict(backups.blobs(point))
