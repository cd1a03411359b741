"""Making anew all that follows from database and blobs."""

from dataclasses import dataclass, field

from sqlmodel import col, select

from esm_server.db import EsmRow, EsmVersionRow, SpaceRow
from esm_server.operations.blob_users import parts
from esm_server.operations.check import derive_again
from esm_server.operations.checks.engine import remove_shelves
from esm_server.operations.checks.esms import repair_esm
from esm_server.operations.derived import stored_versions
from esm_server.operations.opening import Registry, Watch, nobody_watches
from esm_server.registry.text_index import TextIndex
from esm_server.spaces.repository import SpaceRepository

BATCH = 50
"""ESMs of one transaction, for which pushes wait."""


@dataclass(slots=True)
class Reindexed:
    """What was made anew, and the versions whose files could not be read."""

    versions: int = 0
    esms: int = 0
    unreadable: list[str] = field(default_factory=list[str])
    engine_dropped: bool = False


def reindex(registry: Registry, *, server_runs: bool, watch: Watch = nobody_watches) -> Reindexed:
    """Vectors from files, columns and texts of ESMs from their versions, the engine's shelves.

    The shelves are dropped, and filled again by the server; one that runs keeps them. It also
    keeps the vectors it holds in memory until it is started again.
    """
    done = Reindexed()
    with registry.database.read() as session:
        versions = session.exec(select(col(EsmVersionRow.id)).order_by(col(EsmVersionRow.id))).all()
        esms = session.exec(select(col(EsmRow.id)).order_by(col(EsmRow.id))).all()
        stale = TextIndex(session).keys() - set(esms)
    for number, version_id in enumerate(versions):
        watch(number, len(versions) + len(esms))
        if derive_again(registry, version_id or 0):
            done.versions += 1
        else:
            with registry.database.read() as session:
                found = stored_versions(session, [version_id or 0])
            done.unreadable += [stored.reference for stored in found]
    for number, batch in enumerate(parts([*esms, *sorted(stale)], BATCH)):
        watch(len(versions) + number * BATCH, len(versions) + len(esms))
        with registry.database.write() as session:
            for esm_id in batch:
                repair_esm(session, esm_id or 0)
    done.esms = len(esms)
    with registry.database.write() as session:
        for space_id in session.exec(select(col(SpaceRow.id))).all():
            SpaceRepository(session).count_change(space_id or 0)
    if not server_runs:
        remove_shelves(registry)
        done.engine_dropped = True
    return done
