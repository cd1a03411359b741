"""Whose a ranking is: its owner and admins alone may read it or learn that it exists."""

from sqlmodel import Session

from esm_client.core.errors import Conflict, NotFound
from esm_client.core.schemas import RankingReceipt
from esm_server.auth.caller import Caller
from esm_server.db import RankingRow
from esm_server.namespaces.repository import NamespaceRepository
from esm_server.rankings.later import marked
from esm_server.rankings.repository import RankingJobRepository, RankingRepository


def may_see(caller: Caller, user_id: int, namespace: str | None) -> bool:
    """Whether the caller may read what this user has ranked.

    namespace: to which the token was limited that it was asked with, and so its rows are. A token
    that is limited itself reads only what was asked within the same limit.
    """
    if caller.is_admin:
        return True
    return caller.user_id == user_id and caller.only_namespace in (None, namespace)


def find_receipt(session: Session, ranking_id: str, caller: Caller) -> RankingRow:
    """A stored receipt; raises NotFound, and Conflict for a ranking that has none (yet)."""
    found = RankingRepository(session).find(ranking_id)
    if found is not None and may_see(caller, *found[1:]):
        return found[0]
    job = RankingJobRepository(session).find(ranking_id)
    if job is None or not may_see(caller, *job[1:]):
        raise unknown_ranking(ranking_id)
    raise Conflict(
        f"The ranking {ranking_id} is {job[0].state}: it has no receipt.",
        f'Wait for it: `Client.ranking("{ranking_id}")`',
    )


def as_of_now(session: Session, caller: Caller, row: RankingRow) -> RankingReceipt:
    """A stored receipt, saying what was yanked or deleted since.

    Of namespaces that the caller may not read any more it says what it said before.
    """
    receipt = RankingReceipt.model_validate(row.receipt)
    named = {ranked.reference.partition("/")[0] for ranked in receipt.rows}
    hidden = NamespaceRepository(session).hidden(caller, named)
    return marked(receipt, RankingRepository(session).states(receipt.rows), hidden)


def unknown_ranking(ranking_id: str) -> NotFound:
    """The error of a ranking that does not exist, or that the caller may not see."""
    return NotFound(
        f"There is no ranking {ranking_id[:100]!r} of yours.",
        "Receipts are shown to the user who made them, and to admins.",
    )
