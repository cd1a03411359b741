"""Making a registry from a backup, on whatever database and store the settings name."""

from dataclasses import dataclass

from sqlalchemy.exc import SQLAlchemyError

from esm_client.core.errors import Conflict, InvalidInput
from esm_server.db import revisions
from esm_server.operations.backups import Backups, Point, spoiled
from esm_server.operations.blob_users import named_blobs
from esm_server.operations.copying import copy_blobs
from esm_server.operations.dump import continue_keys, is_empty, load, table_names
from esm_server.operations.hashing import damage_of
from esm_server.operations.opening import Registry, Watch, nobody_watches
from esm_server.operations.restored_rights import NOTHING_MORE, RightsBack, Wanted, give_back
from esm_server.registry.text_index import TextIndex


@dataclass(slots=True)
class Restored:
    """What came back."""

    created_at: str
    rows: int
    blobs: int
    bytes: int
    lost: list[str]
    """Blobs that the backup does not hold, as its registry had lost them."""
    rights: RightsBack | None = None
    """What its users may do again, and what not; None where files alone came back."""


def restore(
    registry: Registry, source: Backups, name: str | None, watch: Watch = nobody_watches,
    wanted: Wanted = NOTHING_MORE,
) -> Restored:  # fmt: skip
    """Fill an empty registry, whose schema is ours; nothing else may use it meanwhile.

    The whole backup is read and verified before anything is written. Then come the blobs, and
    last all rows in one transaction: interrupted, the registry is still empty, and restoring
    again goes on. What was revoked after the backup, as far as its place knows, stays so, unless
    something else is `wanted`. Raises NotFound, InvalidInput for a damaged backup, Conflict for a
    registry that is not empty, StorageFull.
    """
    point = source.read(name)
    _check_readable(point)
    then = source.rights_of(point)
    wanted.newest(source, then)
    blobs = _verified(source, point, watch)
    _check_empty(registry, {digest for digest, _ in blobs})
    if copy_blobs(source.store, registry.store, blobs, watch):
        raise spoiled("its files changed while they were copied")
    since = wanted.newest(source, then)  # copying takes hours, and lists are written meanwhile
    with registry.database.write() as session:
        for table in table_names():
            part = point.tables[table]
            try:
                count = load(session, table, source.lines(part))
            except SQLAlchemyError as cause:
                raise spoiled(f"the rows of {table} contradict the schema") from cause
            if count != part.count:
                raise spoiled(f"{table} has {count} rows, not {part.count}")
        continue_keys(session, point.next_version_key)
        TextIndex(session).rebuild()
        rights = give_back(session, then, since, wanted)
    rows = sum(part.count for part in point.tables.values())
    size = sum(size for _, size in blobs)
    return Restored(point.created_at, rows, len(blobs), size, list(point.lost), rights)


def restore_files(
    registry: Registry, source: Backups, name: str | None, watch: Watch = nobody_watches
) -> Restored:
    """Bring back files that the registry's database names and its store has lost, beside a server.

    Damaged ones stay: they are to be set aside first, which waits for the server. `lost`: what
    the backup does not hold either, or holds damaged. Raises NotFound, InvalidInput for a damaged
    backup, StorageFull, Unavailable.
    """
    point = source.read(name)
    with registry.database.read() as session:
        named = named_blobs(session)
    missing = [
        (digest, size)
        for digest, size in sorted(named.items())
        if registry.store.size(digest) is None
    ]
    lost = copy_blobs(source.store, registry.store, missing, watch)
    size = sum(size for digest, size in missing if digest not in lost)
    return Restored(point.created_at, 0, len(missing) - len(lost), size, lost)


def _check_readable(point: Point) -> None:
    ours = revisions.head()
    if point.format != 1 or point.revision != ours or set(point.tables) != set(table_names()):
        raise InvalidInput(
            f"The backup has the schema {point.revision!r}; this version has {ours!r}.",
            f"Restore it with esm-server {point.server_version}, then migrate with this version, "
            "and run: esm-server restore PLACE --rights-only",
        )


def _verified(source: Backups, point: Point, watch: Watch) -> list[tuple[str, int]]:
    """All blobs of a point, when each of them and of its tables is there and sound."""
    for what, part in point.tables.items():
        if (fault := damage_of(source.store, part.digest)) is not None:
            raise spoiled(f"{what} {fault}")
    blobs = source.blobs(point)
    done, total = 0, sum(size for _, size in blobs)
    for digest, size in blobs:
        if (fault := damage_of(source.store, digest)) is not None:
            raise spoiled(f"{digest} {fault}")
        done += size
        watch(done, total)
    return blobs


def _check_empty(registry: Registry, ours: set[str]) -> None:
    with registry.database.read() as session:
        empty = is_empty(session)
    # blobs of this very backup are what an interrupted restore has left
    strange = next((b.digest for b in registry.store.stored() if b.digest not in ours), None)
    if not empty or strange is not None:
        what = "database has rows" if not empty else f"store holds {strange}, which is not of it"
        raise Conflict(
            f"A backup is restored into an empty registry only, and the {what}.",
            "Name an empty --data-dir, and an empty database and bucket where they are elsewhere; "
            "and before, have this one list what it has revoked: backup --revocations-only.",
        )
