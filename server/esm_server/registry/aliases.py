"""Aliases: movable names of versions, with history."""

from collections.abc import Mapping

from sqlmodel import Session

from esm_client.core.errors import Conflict, NotFound, Yanked
from esm_client.core.references import check_alias
from esm_client.core.schemas import Alias, AliasMove, AliasUpdate, Page
from esm_server.audit.record import record
from esm_server.auth.caller import Caller
from esm_server.db import AliasMoveRow, AliasRow, EsmRow, EsmVersionRow
from esm_server.db.columns import now
from esm_server.db.database import Database
from esm_server.namespaces.permissions import require_role
from esm_server.pagination import Slice
from esm_server.registry.alias_repository import AliasRecord, AliasRepository
from esm_server.registry.repository import EsmRepository
from esm_server.registry.service import find_esm


class AliasService:
    """Aliases of one registry."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def list(self, caller: Caller, namespace: str, name: str, part: Slice) -> Page[Alias]:
        """The aliases of an ESM by name; raises NotFound, InvalidName."""
        with self._database.read() as session:
            esm = find_esm(EsmRepository(session, caller), namespace, name)
            found = AliasRepository(session, esm.id or 0).list(part.after, part.limit + 1)
        return part.page(found, lambda pair: pair[0].name, _alias)

    def moves(
        self, caller: Caller, namespace: str, name: str, alias: str, part: Slice
    ) -> Page[AliasMove]:
        """The history of an alias, the last move first; raises NotFound, InvalidName."""
        check_alias(alias)
        with self._database.read() as session:
            esm = find_esm(EsmRepository(session, caller), namespace, name)
            aliases = AliasRepository(session, esm.id or 0)
            rows = aliases.moves(alias, part.after_number(), part.limit + 1)
            if not rows and part.after is None:
                raise _unknown(esm, alias)
        return part.page(
            rows,
            lambda row: str(row.id),
            lambda row: AliasMove.model_validate(
                {field: getattr(row, field) for field in AliasMove.model_fields}
            ),
        )

    def move(
        self, caller: Caller, namespace: str, name: str, alias: str, wanted: AliasUpdate
    ) -> Alias:
        """Point an alias to a version.

        Raises NotFound, InvalidName, Forbidden, Yanked for a yanked version, and Conflict when
        it does not point to `expected` any more.
        """
        check_alias(alias)
        with self._database.write() as session:
            return _Mover(session, caller, namespace, name, alias).move(wanted)

    def roll_back(self, caller: Caller, namespace: str, name: str, alias: str) -> Alias:
        """Point an alias to where it pointed before its last move; raises as `move` does."""
        check_alias(alias)
        with self._database.write() as session:
            mover = _Mover(session, caller, namespace, name, alias)
            last = mover.aliases.moves(alias, None, 1)
            if mover.current is None or not last or last[0].from_version is None:
                raise Conflict(
                    f"{alias!r} of {namespace}/{name} has no earlier version to go back to.",
                    f'See its history: `Client.aliases.history("{namespace}/{name}", "{alias}")`',
                )
            return mover.move(AliasUpdate(version=last[0].from_version), action="alias.rollback")

    def delete(self, caller: Caller, namespace: str, name: str, alias: str) -> None:
        """Remove an alias; raises NotFound, InvalidName, Forbidden."""
        check_alias(alias)
        with self._database.write() as session:
            _Mover(session, caller, namespace, name, alias).delete()


class _Mover:
    """One change of one alias within a transaction, by somebody who may make it."""

    def __init__(
        self, session: Session, caller: Caller, namespace: str, name: str, alias: str
    ) -> None:
        self._session, self._caller, self._alias = session, caller, alias
        self._esms = EsmRepository(session, caller)
        self._esm = find_esm(self._esms, namespace, name)
        self.aliases = AliasRepository(session, self._esm.id or 0)
        self.current: AliasRecord | None = self.aliases.find(alias)
        protected = self.current is not None and self.current[0].protected
        require_role(session, caller, namespace, "maintainer" if protected else "writer")

    def move(self, wanted: AliasUpdate, action: str = "alias.move") -> Alias:
        """Point it to a version, and note the step."""
        before = self.current[1].version if self.current else None
        if wanted.expected is not None and wanted.expected != (before or 0):
            raise self._moved_before(wanted.expected)
        version = self._version(wanted.version)
        if wanted.protected is not None:
            require_role(self._session, self._caller, self._esm.namespace, "maintainer")
        row = self.current[0] if self.current else self._new(version)
        row.version_id = version.id or 0
        row.protected = row.protected if wanted.protected is None else wanted.protected
        row.moved_at, row.moved_by = now(), self._caller.name
        self.aliases.save(row, self._step(before, version.version))
        detail = {"from": before, "to": version.version, "protected": row.protected}
        self._record(action, version.digest, detail)
        return _alias((row, version))

    def delete(self) -> None:
        """Remove it."""
        if self.current is None:
            raise _unknown(self._esm, self._alias)
        row, version = self.current
        self.aliases.remove(row, self._step(version.version, None))
        self._record("alias.delete", version.digest, {"from": version.version})

    def _version(self, number: int) -> EsmVersionRow:
        esm = self._esm
        found = self._esms.by_number(esm.namespace, esm.name, number)
        if found is None:
            raise NotFound(
                f"{esm.namespace}/{esm.name} has no version {number}.",
                "Point the alias to a version that exists.",
            )
        if found[1].yanked_at is not None:
            raise Yanked(
                f"Version {number} of {esm.namespace}/{esm.name} was yanked "
                f"({found[1].yank_reason}), so no alias can point to it.",
                "Point it to another version, or take the yank back first.",
            )
        return found[1]

    def _moved_before(self, expected: int) -> Conflict:
        row, version = self.current or (None, None)
        now_at = f"points to {version.version}" if version else "does not exist"
        by = f", moved by {row.moved_by}" if row else ""
        return Conflict(
            f"{self._alias!r} of {self._esm.namespace}/{self._esm.name} {now_at}{by}, "
            f"not to {expected}: another change was faster.",
            "Look where it points now, then decide again.",
        )

    def _new(self, version: EsmVersionRow) -> AliasRow:
        return AliasRow(
            esm_id=self._esm.id or 0,
            name=self._alias,
            version_id=version.id or 0,
            moved_by=self._caller.name,
        )

    def _step(self, before: int | None, after: int | None) -> AliasMoveRow:
        return AliasMoveRow(
            esm_id=self._esm.id or 0,
            alias=self._alias,
            from_version=before,
            to_version=after,
            by=self._caller.name,
        )

    def _record(self, action: str, digest: str, detail: Mapping[str, object]) -> None:
        subject = f"{self._esm.namespace}/{self._esm.name}@{self._alias}"
        record(
            self._session, self._caller, action, subject,
            namespace=self._esm.namespace, digest=digest, detail=dict(detail),
        )  # fmt: skip


def _alias(found: AliasRecord) -> Alias:
    row, version = found
    return Alias(
        name=row.name,
        version=version.version,
        digest=version.digest,
        protected=row.protected,
        moved_at=row.moved_at,
        moved_by=row.moved_by,
    )


def _unknown(esm: EsmRow, alias: str) -> NotFound:
    path = f"{esm.namespace}/{esm.name}"
    return NotFound(
        f"{path} has no alias {alias!r}.", f'List them: `Client.aliases.list("{path}")`'
    )
