"""Reporting what came of a ranking's source tasks, and reading what follows from it."""

from collections.abc import Mapping
from typing import Any

from esm_client.core.errors import InvalidInput, TooLarge
from esm_client.core.limits import MAX_OUTCOMES
from esm_client.core.schemas import Ledger, Outcome, OutcomeCreate, Page
from esm_server.audit.record import record
from esm_server.auth.caller import Caller
from esm_server.auth.service import check_still
from esm_server.db import OutcomeRow, RankingRow
from esm_server.db.columns import now
from esm_server.db.database import Database
from esm_server.db.outcome import BASELINE, NO_SEED
from esm_server.outcomes.regret import ledger_entries
from esm_server.outcomes.repository import OutcomeRepository
from esm_server.pagination import Slice
from esm_server.rankings.reading import find_receipt
from esm_server.spaces.repository import SpaceRepository
from esm_server.spaces.service import find_space, require_id

SHOWN_ROWS = 3
SHARES = {"accuracy", "balanced-accuracy", "exact-match", "f1", "macro-f1", "micro-f1",
          "precision", "recall", "weighted-f1"}  # fmt: skip
"""Metrics that go from 0 to 1 wherever they are told so; a percentage among them would win."""


class OutcomeService:
    """Outcomes of one registry."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def report(self, caller: Caller, ranking_id: str, told: OutcomeCreate) -> Outcome:
        """Store an outcome in place of an earlier one of the same source, metric and seed.

        Raises NotFound, Conflict for a ranking that is not done, InvalidInput for what does not
        fit its receipt, TooLarge.
        """
        _check_share(told)
        with self._database.read() as session:  # a receipt is large, and never changes
            ranking = find_receipt(session, ranking_id, caller)
            ranked = _ranked(ranking, told)
            row = _row(ranking, told, ranked, caller)
            identifier = ranking.id
        with self._database.write() as session:
            check_still(session, caller)
            outcomes = OutcomeRepository(session)
            before = outcomes.find(row.ranking_id, row.reference, row.metric_name, row.seed)
            if before is not None:
                row = before.sqlmodel_update(row.model_dump(exclude={"id"}))
            elif outcomes.count(identifier) >= MAX_OUTCOMES:
                raise TooLarge(
                    f"The ranking {identifier} has {MAX_OUTCOMES} outcomes, and no room for more.",
                    "Report the mean over seeds, without a seed.",
                )
            outcomes.save(row)
            detail = told.model_dump(include={"reference", "metric_name", "metric", "seed"})
            record(
                session, caller, "outcome.report", identifier,
                digest=ranked.get("digest"), detail={**detail, "again": before is not None},
            )  # fmt: skip
        return _outcome(row)

    def withdraw(self, caller: Caller, ranking_id: str, metric_name: str) -> None:
        """Remove what the caller reported of a ranking in a metric; raises NotFound, Conflict."""
        with self._database.read() as session:
            identifier = find_receipt(session, ranking_id, caller).id
        with self._database.write() as session:
            check_still(session, caller)
            removed = OutcomeRepository(session).remove(identifier, metric_name, caller.name)
            if removed:
                told = {"metric_name": metric_name, "outcomes": removed}
                record(session, caller, "outcome.withdraw", identifier, detail=told)

    def list(self, caller: Caller, ranking_id: str, part: Slice) -> Page[Outcome]:
        """The outcomes of a ranking, the first reported first; raises NotFound, Conflict."""
        with self._database.read() as session:
            ranking = find_receipt(session, ranking_id, caller)
            rows = OutcomeRepository(session).list(ranking.id, part.after_number(), part.limit + 1)
        return part.page(rows, lambda row: str(row.id), _outcome)

    def ledger(self, caller: Caller, name: str) -> Ledger:
        """How good the rankings of a space were, in averages; raises NotFound, InvalidName.

        With a token that is limited to a namespace, of those that were asked for within that limit.
        """
        with self._database.read() as session:
            space = find_space(SpaceRepository(session), name)
            rows = OutcomeRepository(session).of_space(require_id(space), caller.only_namespace)
            return Ledger(space=name, entries=ledger_entries(name, rows))


def _check_share(told: OutcomeCreate) -> None:
    """Raise InvalidInput for a share that is none, most often a percentage."""
    if told.metric_name not in SHARES or 0 <= told.metric <= 1:
        return
    meant = f"Did you mean {told.metric / 100:g}? " if 1 < told.metric <= 100 else ""
    raise InvalidInput(
        f"{told.metric_name} is {told.metric:g}, and goes from 0 to 1.",
        f"{meant}What is measured otherwise has another name: metric_name.",
    )


def _ranked(ranking: RankingRow, told: OutcomeCreate) -> Mapping[str, Any]:
    """The receipt's row that an outcome is of, empty for the baseline; raises InvalidInput."""
    own = ranking.receipt["score_name"]
    num_ranks = len(told.method_ranks) + (told.rank is not None)
    if num_ranks and told.reference is None:
        raise InvalidInput(
            f"An outcome without a source has no ranks, and {num_ranks} came with it.",
            "Leave rank and method_ranks out where the reference is null.",
        )
    if own in told.method_ranks:
        raise InvalidInput(
            f"{own!r} is the ranking's own method, whose ranks stand in its receipt.",
            "Leave it out of method_ranks.",
        )
    if told.reference is None:
        return {}
    rows = ranking.receipt["rows"]
    found = next((row for row in rows if row["reference"] == told.reference), None)
    if found is None:
        raise _not_ranked(ranking.id, told.reference, [row["reference"] for row in rows])
    if told.rank is not None and told.rank > found["rank"]:
        raise InvalidInput(
            f"{told.reference} has the rank {found['rank']} in the receipt, and {told.rank} "
            "without copies of the target.",
            "Leaving others out makes no rank larger: correct it, or leave it out.",
        )
    return found


def _not_ranked(ranking_id: str, reference: str, ranked: list[str]) -> InvalidInput:
    name = reference.partition("@")[0]
    near = [one for one in ranked if one.partition("@")[0] == name] or ranked[:SHOWN_ROWS]
    end = ", ..." if len(ranked) > len(near) else "."
    return InvalidInput(
        f"{reference[:300]!r} is not among the source tasks of the ranking {ranking_id}.",
        f"Name one as it stands there: {', '.join(near)}{end}"
        if near
        else "It has no rows: only the baseline, null, can be reported.",
    )


def _row(
    ranking: RankingRow, told: OutcomeCreate, ranked: Mapping[str, Any], caller: Caller
) -> OutcomeRow:
    return OutcomeRow(
        ranking_id=ranking.id,
        space_id=ranking.space_id,
        method=ranking.receipt["score_name"],
        reference=BASELINE if told.reference is None else told.reference,
        rank=ranked.get("rank"),
        shielded_rank=told.rank,
        metric_name=told.metric_name,
        metric=told.metric,
        seed=NO_SEED if told.seed is None else told.seed,
        method_ranks=told.method_ranks,
        reported_at=now(),
        reported_by=caller.name,
    )


def _outcome(row: OutcomeRow) -> Outcome:
    return Outcome(
        ranking=row.ranking_id,
        reference=None if row.reference == BASELINE else row.reference,
        rank=row.rank if row.shielded_rank is None else row.shielded_rank,
        shielded=row.shielded_rank is not None,
        metric=row.metric,
        metric_name=row.metric_name,
        seed=None if row.seed == NO_SEED else row.seed,
        method_ranks=row.method_ranks,
        reported_at=row.reported_at,
        reported_by=row.reported_by,
    )
