"""Copies of the target among the sources that a server ranked; they are looked for here."""

from collections.abc import Iterable, Sequence

from esm_client.core.disk import disk_errors
from esm_client.core.ordering import leave_out
from esm_client.core.schemas import RankingReceipt
from esm_client.core.shield.source import TargetHashes
from esm_client.ranking.ranking import Ranking
from esm_client.ranking.shield import MAX_ROWS, examine
from esm_client.remote.cache.cache import HINT, Cache
from esm_client.remote.resources.source_sketches import SourceSketchResource


def without_copies(
    receipt: RankingReceipt,
    target_rows: Iterable[Sequence[str]] | None,
    sketches: SourceSketchResource,
    cache: Cache,
    *,
    keep_copies: bool,
) -> Ranking:
    """The ranking of a receipt without sources that hold the rows of the target.

    Without `target_rows`, sources are compared with each other alone.
    """
    compared = receipt.rows[:MAX_ROWS]
    with disk_errors(cache.directory, HINT):
        found = cache.sketches.fetch(sketches, [row.digest for row in compared])
    target = None if target_rows is None else TargetHashes.of(target_rows)
    report = examine(compared, found, target, keep_copies=keep_copies)
    return Ranking(receipt, leave_out(receipt.rows, report.left_out), report)
