"""Finding ESMs."""

from esm_client.core.references import Reference
from esm_client.core.schemas import Esm, EsmQuery, Page
from esm_server.auth.caller import Caller
from esm_server.db.database import Database
from esm_server.finding.repository import FindingRepository
from esm_server.pagination import Slice
from esm_server.registry.answers import as_esm
from esm_server.registry.repository import EsmRepository
from esm_server.spaces.repository import SpaceRepository
from esm_server.spaces.service import find_space


class FindingService:
    """Lists and searches of one registry."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def list(self, caller: Caller, query: EsmQuery, part: Slice) -> Page[Esm]:
        """Matching ESMs with their latest versions; raises NotFound for an unknown space."""
        after = Reference.parse(part.after) if part.after is not None else None
        with self._database.read() as session:
            if query.space is not None:
                find_space(SpaceRepository(session), query.space)
            key = (after.namespace, after.name) if after else None
            records = FindingRepository(session, caller).list(query, key, part.limit + 1)
            parts = EsmRepository(session, caller).parts(records)
        return part.page(
            records,
            lambda record: f"{record[0].namespace}/{record[0].name}",
            lambda record: as_esm(record, parts),
        )
