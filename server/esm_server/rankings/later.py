"""What happened to versions since they were ranked."""

from collections.abc import Mapping, Sequence

from esm_client.core.schemas import RankedEsm, RankingReceipt, SkippedEsm
from esm_server.db import EsmVersionRow
from esm_server.rankings.order import Candidate
from esm_server.registry.answers import as_yank

States = Mapping[str, EsmVersionRow]
"""Versions by digest-pinned reference; a deleted one is not in it."""


def removed(candidates: Sequence[Candidate], states: States) -> dict[str, SkippedEsm]:
    """The candidates that were yanked or deleted while they were scored, by reference."""
    gone: dict[str, SkippedEsm] = {}
    for candidate in candidates:
        row = states.get(_pinned(candidate.reference, candidate.digest))
        if row is not None and row.yanked_at is None:
            continue
        gone[candidate.reference] = SkippedEsm(
            reference=candidate.reference,
            digest=candidate.digest,
            code="yanked" if row else "not-found",
            reason=f"It was yanked during the ranking: {row.yank_reason}"
            if row
            else "It was deleted during the ranking.",
        )
    return gone


def marked(receipt: RankingReceipt, states: States) -> RankingReceipt:
    """The receipt, its rows saying what was yanked or deleted since; scores stay as they were."""
    return receipt.model_copy(update={"rows": [_marked(row, states) for row in receipt.rows]})


def _marked(ranked: RankedEsm, states: States) -> RankedEsm:
    row = states.get(_pinned(ranked.reference, ranked.digest))
    if row is None:
        return ranked.model_copy(update={"deleted": True})
    return ranked if row.yanked_at is None else ranked.model_copy(update={"yank": as_yank(row)})


def _pinned(reference: str, digest: str) -> str:
    return f"{reference.partition('@')[0]}@{digest}"
