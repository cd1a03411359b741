"""The order of a ranking's rows, and leaving some out."""

from collections.abc import Collection, Sequence
from typing import Protocol

from esm_client.core.schemas import Kind, RankedEsm
from esm_client.core.scoring.margin import TIE_NATS, log_bayes_factor


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
        place = {"rank": rank, "log_bayes_factor": factor, "tied": abs(factor) < TIE_NATS}
        found.append(row.model_copy(update=place))
    return found


def leave_out(rows: Sequence[RankedEsm], references: Collection[str]) -> list[RankedEsm]:
    """The other rows, ranked anew: ranks, log Bayes factors and ties refer to the best of them.

    Scores and gains stay: none depends on what else is ranked.
    """
    kept = [row for row in rows if row.reference not in references]
    best = kept[0].log_bayes_factor if kept else 0.0
    return [
        row.model_copy(
            update={
                "rank": rank,
                "log_bayes_factor": row.log_bayes_factor - best,
                "tied": abs(row.log_bayes_factor - best) < TIE_NATS,
            }
        )
        for rank, row in enumerate(kept, start=1)
    ]
