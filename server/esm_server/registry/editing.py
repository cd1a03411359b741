"""Editing what is kept beside an ESM and its versions: no new version is made."""

from dataclasses import replace

from esm_client.core.errors import InvalidInput
from esm_client.core.references import LATEST, Reference
from esm_client.core.schemas import (
    CardRevision,
    Esm,
    EsmUpdate,
    EsmVersionDetail,
    EsmVersionUpdate,
    Page,
)
from esm_server.audit.record import record
from esm_server.auth.caller import Caller
from esm_server.db import CardRevisionRow, EsmRow
from esm_server.db.database import Database
from esm_server.namespaces.permissions import require_role
from esm_server.pagination import Slice
from esm_server.registry.answers import as_esm, as_version_detail
from esm_server.registry.card_repository import CardRepository
from esm_server.registry.facts import refresh
from esm_server.registry.repository import EsmRepository
from esm_server.registry.service import check_card, find_esm, find_version, unknown_esm

MAX_CARDS = 8
"""Of a page: each may be 256 KiB, several times that as JSON, which is written in one go."""


class EditingService:
    """Descriptions, tags, cards and sources of one registry."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def update_esm(self, caller: Caller, namespace: str, name: str, update: EsmUpdate) -> Esm:
        """Change description, tags or successor; raises NotFound, InvalidName, Forbidden."""
        with self._database.write() as session:
            esms = EsmRepository(session, caller)
            esm = find_esm(esms, namespace, name)
            require_role(session, caller, namespace, "writer")
            changed = update.model_dump(exclude_unset=True)
            if update.description is not None:
                esm.description = update.description
            if update.superseded_by is not None:
                esm.superseded_by = _successor(esms, esm, update.superseded_by)
            if update.tags is not None:
                esms.set_tags(esm, update.tags)
            refresh(esms, esm)
            path = f"{namespace}/{name}"
            record(session, caller, "esm.edit", path, namespace=namespace, detail=changed)
            found = esms.latest(namespace, name)
            if found is None:
                raise unknown_esm(namespace, name)
            return as_esm(found, esms.parts([found]))

    def update_version(
        self, caller: Caller, namespace: str, name: str, selector: str, update: EsmVersionUpdate
    ) -> EsmVersionDetail:
        """Change card or source; the former card is kept.

        Raises NotFound, InvalidName, Forbidden, TooLarge, Yanked.
        """
        check_card(update.card or "")
        with self._database.write() as session:
            esms = EsmRepository(session, caller)
            found = find_version(esms, namespace, name, selector)
            require_role(session, caller, namespace, "writer")
            esm, version, _ = found
            if update.card is not None and update.card != version.card:
                CardRepository(session).keep(
                    CardRevisionRow(
                        version_id=version.id or 0, card=version.card, replaced_by=caller.name
                    )
                )
                version.card = update.card
            if update.source is not None:
                version.source = update.source.model_dump(mode="json")
            esms.save(version)
            refresh(esms, esm)
            record(
                session,
                caller,
                "version.edit",
                f"{namespace}/{name}@{version.version}",
                namespace=namespace,
                digest=version.digest,
                detail={"fields": sorted(update.model_fields_set)},
            )
            return as_version_detail(found, esms.parts([found]))

    def cards(
        self, caller: Caller, namespace: str, name: str, selector: str, part: Slice
    ) -> Page[CardRevision]:
        """Former cards of a version, the last one first; raises NotFound, InvalidName, Yanked.

        A page holds no more than MAX_CARDS of them, whatever is asked for.
        """
        part = replace(part, limit=min(part.limit, MAX_CARDS))
        with self._database.read() as session:
            _, version, _ = find_version(EsmRepository(session, caller), namespace, name, selector)
            rows = CardRepository(session).list(
                version.id or 0, part.after_number(), part.limit + 1
            )
        return part.page(
            rows,
            lambda row: str(row.id),
            lambda row: CardRevision(
                card=row.card, replaced_at=row.replaced_at, replaced_by=row.replaced_by
            ),
        )


def _successor(esms: EsmRepository, esm: EsmRow, text: str) -> str | None:
    """The path of an existing ESM that replaces `esm`; None for an empty text."""
    if not text:
        return None
    reference = Reference.parse(text)
    if reference.selector != LATEST or reference.path == f"{esm.namespace}/{esm.name}":
        raise InvalidInput(
            f"{text[:200]!r} cannot supersede {esm.namespace}/{esm.name}.",
            "Name another ESM, without a version.",
        )
    other = find_esm(esms, reference.namespace, reference.name)
    if other.space_id != esm.space_id:
        raise InvalidInput(
            f"{reference.path} belongs to another embedding space.", "Name an ESM of the same."
        )
    return reference.path
