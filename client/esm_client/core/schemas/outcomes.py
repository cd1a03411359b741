"""What came of the source tasks of a ranking, and how good rankings therefore are."""

from datetime import datetime
from typing import Annotated

from pydantic import Field

from esm_client.core.document import Entries
from esm_client.core.limits import MAX_METHOD_RANKS, MAX_METRIC, MAX_RANK
from esm_client.core.schemas.contract import Contract, Count

LABEL = "^[a-z0-9_][a-z0-9._-]{0,49}$"
Label = Annotated[str, Field(pattern=LABEL)]
"""The name of a metric or of a method, in lower case so that one thing has one name."""
Rank = Annotated[int, Field(ge=1, le=MAX_RANK)]


def _is_none(value: object) -> bool:
    return value is None


class OutcomeCreate(Contract):
    """How well the target was learnt after one source task of a ranking, or after none."""

    reference: Annotated[str, Field(max_length=300)] | None
    """The ESM as it stands in the ranking; None: no intermediate task, which is the baseline."""
    metric: Annotated[float, Field(ge=-MAX_METRIC, le=MAX_METRIC, allow_inf_nan=False)]
    """On the target's held-out rows; higher is better."""
    metric_name: Label = "accuracy"
    seed: Count | None = None
    """Of the fine-tuning, where several are reported."""
    method_ranks: Annotated[
        dict[Label, Rank], Entries(MAX_METHOD_RANKS), Field(default_factory=dict)
    ]
    """Which rank other selection methods gave this source, 1 the best: `{"text-embedding": 3}`.
    The ranking's own rank is known and not among them."""
    rank: Annotated[Rank | None, Field(exclude_if=_is_none)] = None
    """In the ranking without copies of the target, of which the reporter's machine alone knows.
    None: it does not, and the rank in the receipt counts."""


class Outcome(OutcomeCreate):
    """An outcome as it is stored."""

    ranking: str
    """The id of the receipt."""
    rank: int | None = None
    """Of the source; None for the baseline."""
    shielded: bool = False
    """Whether that is its rank without copies of the target; else it is the one in the receipt,
    where copies may stand above it."""
    reported_at: datetime
    reported_by: str


class LedgerEntry(Contract):
    """How well one method chose source tasks in a space, by what was reported.

    Regret is defined in the server's `esm_server.outcomes.regret`: lower is better, 0 is perfect.
    """

    space: str
    method: str
    """The score's name of the receipts, or a name that reports gave another method."""
    num_rankings: int
    """With two reported sources or more: those that `regret_at_1` is the mean of."""
    num_outcomes: int
    """Reports that the figures of this entry rest on, the baselines' too."""
    num_unshielded: int | None = None
    """Of these, sources of which nobody said their rank without copies of the target: some may be
    copies themselves. None: the server does not tell."""
    regret_at_1: float | None
    """In percent of the best reported source; None: no ranking has more than one."""
    regret_at_3: float | None
    """Likewise, of rankings with more than three reported sources ..."""
    regret_at_5: float | None
    """... and more than five."""
    num_with_baseline: int
    """Rankings with a reported source and a reported baseline in the same metric ..."""
    better_than_none: float | None
    """... and the share of them, 0 to 1, in which the source that the method ranked highest beat
    fine-tuning on the target alone; None: there are none."""


class Ledger(Contract):
    """All methods of a space, those with the most rankings first."""

    space: str
    entries: list[LedgerEntry]
