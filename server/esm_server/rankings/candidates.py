"""The pool of a ranking: what the caller may read and the filter lets through."""

import hashlib
from dataclasses import dataclass

from esm_client.core.artifact.directory import MODEL
from esm_client.core.errors import NotFound
from esm_client.core.schemas import EsmFilter, RankingCreate
from esm_server.auth.caller import Caller
from esm_server.db import SpaceRow
from esm_server.db.database import Database
from esm_server.finding.conditions import conditions
from esm_server.registry.repository import EsmRepository
from esm_server.spaces.repository import SpaceRepository
from esm_server.spaces.service import find_space, require_id


@dataclass(frozen=True, slots=True)
class Pool:
    """Versions of a space at one moment, and the digests of their maps."""

    space: SpaceRow
    versions: list[int]
    digests: list[str]

    @property
    def digest(self) -> str:
        """Of which maps these are."""
        return hashlib.sha256("".join(self.digests).encode()).hexdigest()


def read_pool(database: Database, request: RankingCreate, caller: Caller) -> Pool:
    """The latest versions; raises NotFound for an unknown space or a filter that leaves none."""
    with database.read() as session:
        space = find_space(SpaceRepository(session), request.space)
        esms = EsmRepository(session, caller)
        found = esms.candidates(require_id(space), MODEL, conditions(request.filter))
    if not found and request.filter != EsmFilter():
        raise _nothing_left(request)
    return Pool(space, [version for version, _ in found], [digest for _, digest in found])


def _nothing_left(request: RankingCreate) -> NotFound:
    wanted = request.filter.model_dump(exclude_defaults=True, mode="json")
    shown = ", ".join(f"{field} {value}" for field, value in wanted.items())
    return NotFound(
        f"No ESM of the space {request.space!r} passes the filter ({shown[:300]}).",
        f'See what there is: `Client.facets(space="{request.space}")`',
    )
