"""What a space is, and the check of everything that claims to belong to it."""

from collections.abc import Sequence

from sqlmodel import Session

from esm_client.core.errors import Conflict, Forbidden, InvalidInput, NotFound
from esm_client.core.references import check_name
from esm_client.core.schemas import Page, Space, SpaceCreate, SpaceDetail, SpaceUpdate
from esm_client.core.spaces import SpaceFingerprint, SpaceIdentity
from esm_server.audit.record import record
from esm_server.auth.caller import Caller
from esm_server.auth.repository import TokenRepository
from esm_server.auth.robots import answers_for
from esm_server.auth.service import check_still
from esm_server.db import SpaceDigestRow, SpaceRow
from esm_server.db.columns import now
from esm_server.db.database import Database
from esm_server.pagination import Slice
from esm_server.spaces.founders import founder, founders
from esm_server.spaces.repository import TOKENIZER, WEIGHTS, SpaceRepository

SHOWN_SPACES = 5


class SpaceService:
    """Spaces of one registry."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def list(self, caller: Caller, part: Slice) -> Page[Space]:
        """Spaces by name, retired ones too."""
        with self._database.read() as session:
            spaces = SpaceRepository(session)
            rows = spaces.list(part.after, part.limit + 1)
            ids = [require_id(row) for row in rows]
            counts, digests = spaces.num_esms(ids, caller), spaces.digests(ids)
            names = founders(session, caller, {row.created_by for row in rows})
        return part.page(
            rows,
            lambda row: row.name,
            lambda row: _space(row, counts.get(require_id(row), 0), digests, names[row.created_by]),
        )

    def get(self, caller: Caller, name: str) -> SpaceDetail:
        """One space with its canaries; raises NotFound, InvalidName."""
        with self._database.read() as session:
            return space_detail(session, caller, find_space(SpaceRepository(session), name))

    def create(self, caller: Caller, request: SpaceCreate) -> SpaceDetail:
        """A new space; raises Conflict when the name is taken, Forbidden for a limited token."""
        _check_unlimited(caller)
        with self._database.write() as session:
            check_still(session, caller)
            spaces = SpaceRepository(session)
            if spaces.find(request.name) is not None:
                raise Conflict(
                    f"There is a space named {request.name!r} already.", "Choose another name."
                )
            row = spaces.add(request.name, request.fingerprint, caller.name)
            row.location, row.description = request.location, request.description
            spaces.add_digests(require_id(row), request.fingerprint)
            spaces.save(row)
            record(session, caller, "space.create", row.name)
            return space_detail(session, caller, row)

    def update(self, caller: Caller, name: str, update: SpaceUpdate) -> SpaceDetail:
        """Change a space, retire it or name its successor.

        By its creator or an admin; one that a robot made, by admins of the robot's namespace. Never
        with a token that is limited to a namespace: others use the space too.
        Raises NotFound, InvalidName, Forbidden, InvalidInput.
        """
        changed = update.model_dump(exclude_unset=True)
        with self._database.write() as session:
            check_still(session, caller)
            spaces = SpaceRepository(session)
            row = find_space(spaces, name)
            _check_editor(session, caller, row)
            if update.location is not None:
                row.location = update.location
            if update.description is not None:
                row.description = update.description
            if update.retired is not None:
                row.retired_at = now() if update.retired else None
            if update.successor is not None:
                row.successor = _successor(spaces, row, update.successor)
            spaces.save(row)
            record(session, caller, "space.edit", name, detail=changed)
            return space_detail(session, caller, row)


def _check_editor(session: Session, caller: Caller, row: SpaceRow) -> None:
    _check_unlimited(caller)
    creator = TokenRepository(session).user(row.created_by)
    if not (caller.is_admin or (creator is not None and answers_for(session, caller, creator))):
        raise Forbidden(
            f"The space {row.name!r} was created by {founder(session, caller, row.created_by)}.",
            "Ask an admin of that robot's namespace, or of the registry."
            if creator is not None and creator.kind == "robot"
            else "Ask them, or an admin of the registry.",
        )


def _check_unlimited(caller: Caller) -> None:
    """Raise Forbidden for a token that is limited to a namespace: no space belongs to one."""
    if caller.only_namespace is not None:
        raise Forbidden(
            f"The token {caller.identity.token!r} works in the namespace "
            f"{caller.only_namespace!r} only, and spaces are outside of it.",
            "Use another token.",
        )


def _successor(spaces: SpaceRepository, row: SpaceRow, name: str) -> str | None:
    if not name:
        return None
    if find_space(spaces, name).id == row.id:
        raise InvalidInput(f"{name!r} cannot succeed itself.", "Name another space.")
    return name


def space_detail(session: Session, caller: Caller, row: SpaceRow) -> SpaceDetail:
    """A stored space as it travels."""
    spaces, ids = SpaceRepository(session), [require_id(row)]
    counts, digests = spaces.num_esms(ids, caller), spaces.digests(ids)
    name = founder(session, caller, row.created_by)
    space = _space(row, counts.get(ids[0], 0), digests, name)
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


def _space(
    row: SpaceRow, num_esms: int, digests: Sequence[SpaceDigestRow], created_by: str
) -> Space:
    def of_kind(kind: str) -> list[str]:
        return [d.digest for d in digests if d.space_id == row.id and d.kind == kind]

    return Space(
        name=row.name,
        identity=stored_identity(row),
        num_esms=num_esms,
        weight_digests=of_kind(WEIGHTS),
        tokenizer_digests=of_kind(TOKENIZER),
        location=row.location,
        description=row.description,
        retired_at=row.retired_at,
        successor=row.successor,
        created_at=row.created_at,
        created_by=created_by,
    )
