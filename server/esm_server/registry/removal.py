"""Taking versions out of the way: yanking, which can be taken back, and deleting."""

from sqlmodel import Session

from esm_client.core.errors import Conflict
from esm_client.core.schemas import EsmVersionDetail, Role
from esm_server.audit.record import record
from esm_server.auth.caller import Caller
from esm_server.db import EsmRow
from esm_server.db.columns import now
from esm_server.db.database import Database
from esm_server.namespaces.permissions import require_role
from esm_server.registry.answers import as_version_detail
from esm_server.registry.deletion import delete_esm_rows, delete_version_rows
from esm_server.registry.facts import refresh
from esm_server.registry.repository import EsmRepository, VersionRecord
from esm_server.registry.service import find_esm, find_version
from esm_server.spaces.repository import SpaceRepository


class RemovalService:
    """Yanking and deleting in one registry."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def yank(
        self, caller: Caller, namespace: str, name: str, selector: str, reason: str
    ) -> EsmVersionDetail:
        """Leave a version out of rankings, `latest` and aliases; by digest it can still be had.

        Yanking again replaces the reason. Raises NotFound, InvalidName, Forbidden.
        """
        with self._database.write() as session:
            change = _Change(session, caller, namespace, name, "writer")
            found = find_version(change.esms, namespace, name, selector)
            version = found[1]
            version.yanked_at, version.yanked_by, version.yank_reason = now(), caller.name, reason
            return change.finish(found, "esm.yank", {"reason": reason})

    def unyank(self, caller: Caller, namespace: str, name: str, selector: str) -> EsmVersionDetail:
        """Take a yank back; raises NotFound, InvalidName, Forbidden, Conflict, Yanked."""
        with self._database.write() as session:
            change = _Change(session, caller, namespace, name, "writer")
            found = find_version(change.esms, namespace, name, selector)
            version = found[1]
            if version.yanked_at is None:
                raise Conflict(
                    f"{namespace}/{name}@{version.version} is not yanked.", "Nothing was changed."
                )
            version.yanked_at = version.yanked_by = version.yank_reason = None
            return change.finish(found, "esm.unyank", {})

    def delete_version(self, caller: Caller, namespace: str, name: str, selector: str) -> None:
        """Delete a version for ever; its number is not given again, its aliases go with it.

        Raises NotFound, InvalidName, Forbidden, Yanked.
        """
        with self._database.write() as session:
            change = _Change(session, caller, namespace, name, "admin")
            found = find_version(change.esms, namespace, name, selector)
            esm, version, _ = found
            change.note("esm.delete", f"@{version.version}", version.digest)
            delete_version_rows(session, esm, version, caller.name)
            if refresh(change.esms, esm) is None:
                delete_esm_rows(session, esm)
            change.count(esm)

    def delete_esm(self, caller: Caller, namespace: str, name: str) -> None:
        """Delete an ESM with all its versions, for ever; raises NotFound, Forbidden."""
        with self._database.write() as session:
            change = _Change(session, caller, namespace, name, "admin")
            esm = find_esm(change.esms, namespace, name)
            for version in change.esms.versions_of(esm):
                change.note("esm.delete", f"@{version.version}", version.digest)
                delete_version_rows(session, esm, version, caller.name)
            change.count(esm)
            delete_esm_rows(session, esm)


class _Change:
    """One removal within a transaction, by somebody who has the role for it."""

    def __init__(
        self, session: Session, caller: Caller, namespace: str, name: str, role: Role
    ) -> None:
        self._session, self._caller = session, caller
        self._namespace, self._path = namespace, f"{namespace}/{name}"
        require_role(session, caller, namespace, role)
        self.esms = EsmRepository(session, caller)

    def finish(self, found: VersionRecord, action: str, detail: dict[str, str]) -> EsmVersionDetail:
        """Store the version as it is now, and what follows for its ESM."""
        esm, version, _ = found
        self.esms.save(version)
        refresh(self.esms, esm)
        self.count(esm)
        self.note(action, f"@{version.version}", version.digest, detail)
        return as_version_detail(found, self.esms.parts([found]))

    def count(self, esm: EsmRow) -> None:
        """The space's pool is another one now."""
        SpaceRepository(self._session).count_change(esm.space_id)

    def note(
        self, action: str, selector: str, digest: str, detail: dict[str, str] | None = None
    ) -> None:
        """Write it into the audit log."""
        record(
            self._session,
            self._caller,
            action,
            f"{self._path}{selector}",
            namespace=self._namespace,
            digest=digest,
            detail=dict(detail or {}),
        )
