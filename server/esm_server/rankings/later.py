"""What happened to versions since they were ranked."""

from collections.abc import Collection, Mapping

from esm_client.core.errors import Yanked
from esm_client.core.receipt import skipped_row
from esm_client.core.schemas import RankedEsm, RankingReceipt, SkippedEsm
from esm_server.db import EsmVersionRow
from esm_server.rankings.order import Records
from esm_server.registry.answers import as_yank

States = Mapping[str, EsmVersionRow]
"""Versions by digest-pinned reference; a deleted one is not in it."""


def yanked_rows(rows: list[RankedEsm], records: Records) -> list[SkippedEsm]:
    """The rows that were yanked while the pool was scored, as skipped ones."""
    yanked = {
        version.digest: version.yank_reason
        for _, version, _ in records.versions.values()
        if version.yanked_at is not None
    }
    return [
        skipped_row(
            row.reference,
            row.digest,
            Yanked(f"It was yanked during the ranking: {yanked[row.digest]}"),
        )
        for row in rows
        if row.digest in yanked
    ]


def marked(receipt: RankingReceipt, states: States, hidden: Collection[str]) -> RankingReceipt:
    """The receipt, its rows saying what was yanked or deleted since; scores stay as they were.

    hidden: namespaces of which nothing new is told.
    """
    rows = [
        row if row.reference.partition("/")[0] in hidden else _marked(row, states)
        for row in receipt.rows
    ]
    return receipt.model_copy(update={"rows": rows})


def pinned(ranked: RankedEsm) -> str:
    """The digest-pinned reference of a row."""
    return f"{ranked.reference.partition('@')[0]}@{ranked.digest}"


def _marked(ranked: RankedEsm, states: States) -> RankedEsm:
    row = states.get(pinned(ranked))
    if row is None:
        return ranked.model_copy(update={"deleted": True})
    return ranked if row.yanked_at is None else ranked.model_copy(update={"yank": as_yank(row)})
