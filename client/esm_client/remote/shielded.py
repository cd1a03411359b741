"""Rankings of a registry without copies of their targets, which are looked for and noted here.

The server knows nothing of it: what was found is kept on this machine, so that a ranking that is
looked up again shows the same.
"""

import warnings
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from esm_client.core.disk import disk_errors
from esm_client.core.errors import EsmError, InvalidInput
from esm_client.core.ordering import leave_out
from esm_client.core.progress import Progress
from esm_client.core.schemas import RankingJob, RankingReceipt
from esm_client.core.scoring.map_scores import Embedded
from esm_client.core.scoring.sketch import TargetSketch
from esm_client.core.shield.source import TargetHashes
from esm_client.core.shield.texts import RULE
from esm_client.core.warnings import EsmWarning
from esm_client.ranking.cautions import CopiesWarning
from esm_client.ranking.ranking import Ranking
from esm_client.ranking.shield import MAX_ROWS, ShieldReport, examine
from esm_client.remote.cache.cache import HINT, Cache
from esm_client.remote.resources.rankings import RankingResource
from esm_client.remote.resources.source_sketches import SourceSketchResource
from esm_client.remote.verdicts.record import Verdict, Waiting
from esm_client.remote.verdicts.store import Verdicts
from esm_client.remote.waiting import finished, rank_on_server

NO_RECORD = (
    "this machine keeps no record of it, as where the ranking was made on another one, by another "
    "user or at another address of the registry"
)
OTHER_RULE = "the ranking was begun by another version of this client"
Rows = Iterable[Sequence[str]]
"""The texts of each row of a target."""


class ShieldedRankings:
    """New rankings and earlier ones, each with what the shield said of it."""

    def __init__(
        self, rankings: RankingResource, sketches: SourceSketchResource, cache: Cache,
        verdicts: Verdicts,
    ) -> None:  # fmt: skip
        self._rankings, self._sketches = rankings, sketches
        self._cache, self._verdicts = cache, verdicts

    def rank(
        self, sketch: TargetSketch | bytes, folds: Sequence[TargetSketch],
        embedded: Embedded | None, wanted: Mapping[str, Any], target_rows: Rows | None,
        progress: Progress, *, keep_copies: bool,
    ) -> Ranking:  # fmt: skip
        """A new ranking; `wanted` are the other fields of RankingCreate.

        Without `target_rows`, sources are compared with each other alone.
        """
        target = None if target_rows is None else TargetHashes.of(target_rows)

        def note(job: str) -> None:
            registry = self._verdicts.registry
            self._keep(Waiting.of(registry, job, target, keep_copies=keep_copies))

        receipt = rank_on_server(
            self._rankings, sketch, folds, embedded, wanted, progress, note, self._forget
        )
        return _without_copies(receipt, self._first_look(receipt, target, keep_copies=keep_copies))

    def get(self, ranking: str, target_rows: Rows | None, progress: Progress) -> Ranking:
        """An earlier ranking as it was first shown; with `target_rows`, looked at anew as well.

        Warns of what is not known before anybody asks for its best.
        """
        answer = self._rankings.get(ranking)
        receipt = finished(self._rankings, answer, progress, on_end=self._forget)
        report = self._known(receipt)
        if target_rows is not None:
            report = self._look(receipt, TargetHashes.of(target_rows), before=report)
        found = _without_copies(receipt, report)
        for caution in found.cautions:
            warnings.warn(caution, CopiesWarning, stacklevel=3)
        return found

    def rank_of(self, ranking: str, reference: str) -> int | None:
        """The rank of a source without copies of the target; None where that is not known here.

        Raises InvalidInput for a copy that was left out, and NotFound.
        """
        try:
            record = self._verdicts.find(ranking)
        except EsmError:
            return None
        if record is None or record.state == "off":
            return None
        receipt = self._rankings.get(ranking)
        if isinstance(receipt, RankingJob):
            return None
        found = _without_copies(receipt, self._known(receipt))
        if reference in found.shield.left_out:
            raise InvalidInput(
                f"{reference} was left out of the ranking {ranking} as a copy of your data: what "
                "comes of it says nothing of the ranking.",
                "Report sources that were ranked.",
            )
        return found.sure_ranks.get(reference)

    def _known(self, receipt: RankingReceipt) -> ShieldReport:
        """What this machine knows of a ranking that was made before."""
        try:
            record = self._verdicts.find(receipt.id)
        except EsmError as error:
            return ShieldReport.unknown(receipt.rows, error.message.rstrip("."))
        match record:
            case None:
                return ShieldReport.unknown(receipt.rows, NO_RECORD)
            case Verdict():
                return record.report(receipt.rows)
            case Waiting() if record.rule != RULE:
                return ShieldReport.unknown(receipt.rows, OTHER_RULE)
            case Waiting():
                return self._first_look(receipt, record.target, keep_copies=record.keep_copies)

    def _first_look(
        self, receipt: RankingReceipt, target: TargetHashes | None, *, keep_copies: bool
    ) -> ShieldReport:
        """What there is to find, which is noted for later."""
        report = self._look(receipt, target, keep_copies=keep_copies)
        self._keep(Verdict.of(self._verdicts.registry, receipt.id, receipt.rows, report))
        return report

    def _look(
        self, receipt: RankingReceipt, target: TargetHashes | None, *, keep_copies: bool = False,
        before: ShieldReport | None = None,
    ) -> ShieldReport:  # fmt: skip
        compared = [row.digest for row in receipt.rows[:MAX_ROWS]]
        with disk_errors(self._cache.directory, HINT):
            sketches = self._cache.sketches.fetch(self._sketches, compared)
        return examine(receipt.rows, sketches, target, keep_copies=keep_copies, before=before)

    def _keep(self, record: Verdict | Waiting | None) -> None:
        if record is None:
            return
        try:
            self._verdicts.keep(record)
        except EsmError as error:
            warnings.warn(
                f"which sources of the ranking {record.ranking} hold copies of your data could "
                f"not be noted: {error} Looked up again, it will say that this is not known.",
                EsmWarning,
                stacklevel=2,
            )

    def _forget(self, ranking: str) -> None:
        """Drop what was kept for a ranking that will never be there."""
        with suppress(EsmError):
            self._verdicts.forget(ranking)


def _without_copies(receipt: RankingReceipt, report: ShieldReport) -> Ranking:
    return Ranking(receipt, leave_out(receipt.rows, report.left_out), report)
