"""Leaving rows out of a ranking: what was yanked meanwhile, or copies of the target."""

from collections.abc import Collection, Sequence

from esm_client.core.schemas import RankedEsm
from esm_client.core.scoring.margin import TIE_NATS


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
