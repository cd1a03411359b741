"""Finding ESMs."""

from collections.abc import Sequence
from datetime import datetime

from sqlmodel import Session

from esm_client.core.errors import InvalidInput
from esm_client.core.references import Reference
from esm_client.core.schemas import Esm, EsmQuery, Facets, FacetValue, Page
from esm_server.auth.caller import Caller
from esm_server.db.database import Database
from esm_server.finding.repository import FindingRepository, Key
from esm_server.pagination import LARGEST_KEY, Slice
from esm_server.registry.answers import as_esm
from esm_server.registry.repository import EsmRepository, VersionRecord
from esm_server.spaces.repository import SpaceRepository
from esm_server.spaces.service import find_space

FACETS = (
    "space", "namespace", "task", "kind", "language", "domain", "licence", "architecture",
    "owner", "tag",
)  # fmt: skip
Keyed = Sequence[tuple[str, VersionRecord]]
"""Records with the cursor of each."""


class FindingService:
    """Lists and searches of one registry."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def list(self, caller: Caller, query: EsmQuery, part: Slice) -> Page[Esm]:
        """Matching ESMs with their latest versions.

        Raises NotFound for an unknown space, InvalidInput for text without a word, and for a
        cursor of another sort.
        """
        sort = query.sort or ("relevance" if query.text else "name")
        if sort == "relevance" and not query.text:
            raise InvalidInput("Only a search has a relevance.", "Sort by name or newest.")
        after = None if part.after is None else _key(sort, part.after)
        with self._database.read() as session:
            _check_space(session, query)
            finding = FindingRepository(session, caller)
            rows = _sorted(finding, sort, query, after, part.limit + 1)
            parts = EsmRepository(session, caller).parts([record for _, record in rows])
        return part.page(rows, lambda row: row[0], lambda row: as_esm(row[1], parts))

    def facets(self, caller: Caller, query: EsmQuery) -> Facets:
        """How many ESMs match, and their most frequent values; raises as `list` does."""
        with self._database.read() as session:
            _check_space(session, query)
            found = FindingRepository(session, caller).facets(query)
        ((_, total),) = found.pop("")
        fields = {
            field: [FacetValue(value=value, count=count) for value, count in found.get(field, ())]
            for field in FACETS
        }
        return Facets(num_esms=total, fields=fields)


def _check_space(session: Session, query: EsmQuery) -> None:
    if query.space is not None:
        find_space(SpaceRepository(session), query.space)


def _sorted(
    finding: FindingRepository, sort: str, query: EsmQuery, after: Key | None, limit: int
) -> Keyed:
    if sort == "name":
        named = finding.by_name(query, after, limit)
        return [(f"name:{row[0].namespace}/{row[0].name}", row) for row in named]
    if sort == "newest":
        newest = finding.newest(query, after, limit)
        return [(f"newest:{row[0].updated_at.isoformat()}:{row[0].id}", row) for row in newest]
    found = finding.by_relevance(query, after, limit)
    return [(f"relevance:{score!r}:{row[0].id}", row) for score, row in found]


def _key(sort: str, after: str) -> Key:
    """The key a cursor of ours holds; raises InvalidInput for any other text."""
    kind, _, rest = after.partition(":")
    try:
        if kind != sort:
            raise ValueError(kind)
        if sort == "name":
            reference = Reference.parse(rest)
            return reference.namespace, reference.name
        value, _, number = rest.rpartition(":")
        first = datetime.fromisoformat(value) if sort == "newest" else float(value)
        if isinstance(first, datetime) and first.tzinfo is None:
            raise ValueError(value)
        return first, min(int(number[:18]), LARGEST_KEY)
    except ValueError as cause:
        raise InvalidInput(
            f"{after[:100]!r} does not begin a page of this list.",
            "Send `next` of the page before, with the same sort.",
        ) from cause
