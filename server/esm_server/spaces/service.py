"""What a space is, and the check of everything that claims to belong to it."""

from collections.abc import Sequence

from esm_client.core.errors import NotFound
from esm_client.core.references import check_name
from esm_client.core.schemas import Page, Space, SpaceDetail
from esm_client.core.spaces import SpaceFingerprint, SpaceIdentity
from esm_server.db import SpaceDigestRow, SpaceRow
from esm_server.db.database import Database
from esm_server.pagination import Slice
from esm_server.spaces.repository import TOKENIZER, WEIGHTS, SpaceRepository

SHOWN_SPACES = 5


class SpaceService:
    """Reading spaces."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def list(self, part: Slice) -> Page[Space]:
        """Spaces by name."""
        with self._database.read() as session:
            spaces = SpaceRepository(session)
            rows = spaces.list(part.after, part.limit + 1)
            ids = [require_id(row) for row in rows]
            counts, digests = spaces.num_esms(ids), spaces.digests(ids)
        return part.page(
            rows,
            lambda row: row.name,
            lambda row: _space(row, counts.get(require_id(row), 0), digests),
        )

    def get(self, name: str) -> SpaceDetail:
        """One space with its canaries; raises NotFound, InvalidName."""
        with self._database.read() as session:
            spaces = SpaceRepository(session)
            row = find_space(spaces, name)
            counts, digests = spaces.num_esms([require_id(row)]), spaces.digests([require_id(row)])
        space = _space(row, counts.get(require_id(row), 0), digests)
        return SpaceDetail(**dict(space), canaries=row.canaries)


def find_space(spaces: SpaceRepository, name: str) -> SpaceRow:
    """The space of this name; raises NotFound, whose hint lists what exists, and InvalidName."""
    check_name(name, "space name")
    row = spaces.find(name)
    if row is None:
        known = [space.name for space in spaces.list(None, SHOWN_SPACES + 1)]
        more = ", ..." if len(known) > SHOWN_SPACES else ""
        raise NotFound(
            f"There is no embedding space named {name!r}.",
            f"Existing spaces: {', '.join(known[:SHOWN_SPACES])}{more}."
            if known
            else "There are no spaces yet: the first push of an ESM creates one.",
        )
    return row


def stored_identity(row: SpaceRow) -> SpaceIdentity:
    """The identity of a stored space."""
    return SpaceIdentity.model_validate(row.identity_fields())


def stored_fingerprint(row: SpaceRow) -> SpaceFingerprint:
    """The fingerprint of a stored space, to compare others with."""
    canaries = tuple(tuple(canary) for canary in row.canaries)
    return SpaceFingerprint(identity=stored_identity(row), canaries=canaries)


def require_id(row: SpaceRow) -> int:
    """The key of a row that has been stored."""
    if row.id is None:
        raise LookupError("this space has not been stored")
    return row.id


def _space(row: SpaceRow, num_esms: int, digests: Sequence[SpaceDigestRow]) -> Space:
    def of_kind(kind: str) -> list[str]:
        return [d.digest for d in digests if d.space_id == row.id and d.kind == kind]

    return Space(
        name=row.name,
        identity=stored_identity(row),
        num_esms=num_esms,
        weight_digests=of_kind(WEIGHTS),
        tokenizer_digests=of_kind(TOKENIZER),
        created_at=row.created_at,
    )
