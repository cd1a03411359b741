"""The order of a ranking's rows, and leaving some out."""

import math
from collections.abc import Collection, Sequence
from typing import Protocol

from esm_client.core.schemas import Kind, RankedEsm
from esm_client.core.scoring.margin import SURE_ERRORS, TIE_NATS, log_bayes_factor


class Target(Protocol):
    """What scores are compared for: a target sketch, or the receipt of a ranking of one."""

    @property
    def kind(self) -> Kind: ...  # noqa: D102
    @property
    def num_rows(self) -> int: ...  # noqa: D102
    @property
    def num_label_columns(self) -> int: ...  # noqa: D102


def ordered(rows: Sequence[RankedEsm], target: Target, *, intercept: bool) -> list[RankedEsm]:
    """Rows by score, the best first, equal ones by reference; ranks, factors and ties follow."""
    best_first = sorted(rows, key=lambda row: (-row.score, row.reference))
    found: list[RankedEsm] = []
    for rank, row in enumerate(best_first, start=1):
        factor = log_bayes_factor(
            row.score - best_first[0].score,
            kind=target.kind,
            num_rows=target.num_rows,
            num_label_columns=target.num_label_columns,
            intercept=intercept,
        )
        tied = _tied(best_first[0], row, factor)
        place = {"rank": rank, "log_bayes_factor": factor, "tied": tied}
        found.append(row.model_copy(update=place))
    return found


def leave_out(rows: Sequence[RankedEsm], references: Collection[str]) -> list[RankedEsm]:
    """The other rows, ranked anew: ranks, log Bayes factors and ties refer to the best of them.

    Scores and gains stay: none depends on what else is ranked. Neither do ties, while the best
    row does.
    """
    kept = [row for row in rows if row.reference not in references]
    if not kept or len(kept) == len(rows):
        return kept
    gone = [row for row in rows if row.reference in references]
    found: list[RankedEsm] = []
    for rank, row in enumerate(kept, start=1):
        factor = row.log_bayes_factor - kept[0].log_bayes_factor
        tied = row.tied if kept[0] is rows[0] else _tied(kept[0], row, factor)
        place: dict[str, object] = {"rank": rank, "log_bayes_factor": factor, "tied": tied}
        place["rank_range"] = _range_without(row, gone)
        found.append(row.model_copy(update=place))
    return found


def _range_without(row: RankedEsm, gone: Sequence[RankedEsm]) -> tuple[int, int] | None:
    """The range of a rank once others are left out; where theirs overlap, the wider of both."""
    if row.rank_range is None:
        return None
    lowest, highest = row.rank_range
    ahead = [one.rank_range for one in gone if one.rank_range and one.rank_range[0] <= highest]
    surely = sum(high < lowest for _, high in ahead)
    return max(1, lowest - len(ahead)), highest - surely


def _tied(best: RankedEsm, row: RankedEsm, factor: float) -> bool:
    """By standard errors where both are known: as if independent, which ties rather more."""
    if best.standard_error is None or row.standard_error is None:
        return abs(factor) < TIE_NATS
    error = math.hypot(best.standard_error, row.standard_error)
    return row is best or best.score - row.score <= SURE_ERRORS * error
