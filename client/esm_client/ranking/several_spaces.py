"""One ranking of the ESMs of several spaces: the evidence of the same labels compares."""

from collections.abc import Iterable, Sequence
from itertools import chain

from esm_client.core.errors import InvalidInput
from esm_client.core.ordering import ordered
from esm_client.core.schemas import RankedEsm, RankingReceipt
from esm_client.core.schemas.rankings import Mode
from esm_client.ranking.ranking import Ranking
from esm_client.ranking.shield import ShieldReport, State

_MODES: tuple[Mode, ...] = ("auto", "exhaustive", "screened", "prefiltered")
"""The later, the less was scored exactly."""
_STATES: tuple[State, ...] = ("known", "off", "unknown")
"""The later, the less is known."""


def merged(rankings: Sequence[Ranking]) -> Ranking:
    """Rankings of one target by ESMs of different base models, as one.

    A row's gain is over its own base model as it is; `identity_score` is that of the best. Raises
    InvalidInput for rankings of different targets, or scored differently.
    """
    first = rankings[0].receipt
    for other in rankings[1:]:
        if _target(other.receipt) != _target(first):
            raise InvalidInput(
                f"The rankings {first.id} and {other.id} are of different targets.",
                "Rank the same rows and labels in every space.",
            )
    if len(rankings) == 1:
        return rankings[0]
    receipts = [ranking.receipt for ranking in rankings]
    recalls = [r.prefilter_recall for r in receipts if r.prefilter_recall is not None]
    receipt = first.model_copy(
        update={
            "id": "+".join(receipt.id for receipt in receipts),
            "space": " + ".join(receipt.space for receipt in receipts),
            "space_verified": all(receipt.space_verified for receipt in receipts),
            "identity_score": max(receipt.identity_score for receipt in receipts),
            "pool_size": sum(receipt.pool_size for receipt in receipts),
            "num_exact": sum(receipt.num_exact for receipt in receipts),
            "margin": max(receipt.margin for receipt in receipts),
            "mode": max((receipt.mode for receipt in receipts), key=_MODES.index),
            "prefilter_recall": min(recalls) if recalls else None,
            "rows": _ordered((receipt, receipt.rows) for receipt in receipts),
            "skipped": list(chain.from_iterable(receipt.skipped for receipt in receipts)),
            "seconds": sum(receipt.seconds for receipt in receipts),
        }
    )
    rows = _ordered((ranking.receipt, list(ranking)) for ranking in rankings)
    return Ranking(receipt, rows, _joined([ranking.shield for ranking in rankings]))


def _target(receipt: RankingReceipt) -> tuple[object, ...]:
    return (
        receipt.kind,
        receipt.num_rows,
        receipt.num_label_columns,
        receipt.label_map_digest,
        receipt.intercept,
        receipt.score_name,
        receipt.score_version,
    )


def _ordered(parts: Iterable[tuple[RankingReceipt, list[RankedEsm]]]) -> list[RankedEsm]:
    rows: list[RankedEsm] = []
    receipt: RankingReceipt | None = None
    for receipt, own in parts:
        here = {"space": receipt.space, "rank_range": None}  # ranks were those in its space
        rows += [row.model_copy(update=here) for row in own]
    return ordered(rows, receipt, intercept=receipt.intercept) if receipt else rows


def _joined(shields: Sequence[ShieldReport]) -> ShieldReport:
    """What is known of all of them together, which is no more than of the least known."""
    least = max(shields, key=lambda shield: _STATES.index(shield.state))
    overlaps = {name: found for shield in shields for name, found in shield.overlaps.items()}
    return ShieldReport(
        state=least.state,
        num_compared=sum(shield.num_compared for shield in shields),
        not_compared=[name for shield in shields for name in shield.not_compared],
        overlaps=overlaps,
        groups=[group for shield in shields for group in shield.groups],
        left_out=[name for shield in shields for name in shield.left_out],
        reason=least.reason,
    )
