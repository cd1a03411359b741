"""The list of who may do what that lies beside backups, for restoring an older one."""

from datetime import datetime

from sqlmodel import Session

from esm_server.db.columns import now
from esm_server.db.database import Database
from esm_server.operations.backups import Backups, name_at
from esm_server.operations.dump import dumped
from esm_server.operations.rights import Rights, rights_in
from esm_server.system.version import server_version


def list_rights(database: Database, target: Backups) -> Rights:
    """Write the list of now beside backups; cheap, and nothing else has to wait for it.

    Needs neither the registry's store nor a backup. Raises Conflict for an empty registry, and
    for another one than the place is of; StorageFull, Unavailable.
    """
    at = now()
    with database.read() as session:
        rights = rights_of(session, at)
    target.check_takes(rights)
    target.write_rights(name_at(at), rights)
    return rights


def rights_of(session: Session, at: datetime) -> Rights:
    """The rights in a database, read at this time or a moment later."""
    return rights_in(lambda table: dumped(session, table), at, server_version())
