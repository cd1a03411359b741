"""How good the choices of source tasks were, from what was reported.

Of one ranking, and of one metric in it, let the *reported sources* be those with an outcome; the
performance of a source is the mean over its seeds. Then, following Schulte et al. 2024,

    regret@k = (best - chosen) / best, in percent

where `best` is the best performance of the reported sources, and `chosen` the best among the k of
them that the method ranked highest. What was not reported is not known, so regret@k of a ranking
counts only where more than k sources were reported (with k or fewer it is zero whatever the
method): from two sources on for regret@1. A best performance of zero or below is left out, as no
percent of it can be told, and regret is 100 at most, so that one report below zero does not drown
the others.

Sources that the method ranked alike are taken with the worst first: nothing is won by a tie. A
method counts only where it ranked all reported sources. Metric names are never compared with each
other: the figures of a ranking are the means over its metrics, and those of the ledger the means
over its rankings, each of which weighs the same.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from statistics import fmean

from esm_client.core.limits import MAX_LEDGER_METHODS, MAX_METHOD_RANKS
from esm_client.core.schemas import LedgerEntry
from esm_server.db import OutcomeRow
from esm_server.db.outcome import BASELINE

KS = (1, 3, 5)
SMALLEST = 1e-9
"""A best performance up to this counts as none: a percentage of it would not be a number."""

MAX_METRICS = 8
"""Of one ranking, those reported first; as for methods, so that nobody can make a ledger slow."""

Ranks = Mapping[str, int]
"""The rank a method gave each source, by reference."""


@dataclass(slots=True)
class _Tally:
    """What one method has gathered, a value for each ranking."""

    regrets: dict[int, list[float]] = field(default_factory=lambda: {k: [] for k in KS})
    better: list[float] = field(default_factory=list[float])
    num_outcomes: int = 0
    num_unshielded: int = 0


@dataclass(frozen=True, slots=True)
class _Case:
    """What was reported of one ranking in one metric."""

    sources: dict[str, float]
    baseline: float | None
    num_outcomes: int
    num_unshielded: int

    def regrets(self, ranks: Ranks) -> dict[int, float]:
        """Regret@k in percent, for each k that can be told."""
        best = max(self.sources.values(), default=0.0)
        if best <= SMALLEST:
            return {}
        order = self._order(ranks)
        chosen = {k: max(self.sources[source] for source in order[:k]) for k in KS}
        lost = {k: min(1.0, (best - chosen[k]) / best) for k in KS if k < len(order)}
        return {k: 100 * share for k, share in lost.items()}

    def better(self, ranks: Ranks) -> float | None:
        """1 if the highest ranked source beat the baseline, else 0; None if it cannot be told."""
        if self.baseline is None or not self.sources:
            return None
        return float(self.sources[self._order(ranks)[0]] > self.baseline)

    def _order(self, ranks: Ranks) -> list[str]:
        return sorted(self.sources, key=lambda source: (ranks[source], self.sources[source]))


def ledger_entries(space: str, outcomes: Iterable[OutcomeRow]) -> list[LedgerEntry]:
    """What there is to tell of each method, those with the most rankings first.

    outcomes: of one space, each ranking's together, and later reports after earlier ones: where
    two of a source give other ranks of a method, the later one counts.
    """
    tallies: defaultdict[str, _Tally] = defaultdict(_Tally)
    for _, group in groupby(outcomes, key=lambda row: row.ranking_id):
        rows = list(group)
        cases = _cases(rows)
        for method, ranks in _ranks(rows).items():
            _add(
                tallies[method],
                [case for case in cases if case.sources.keys() <= ranks.keys()],
                ranks,
            )
    entries = [_entry(space, method, t) for method, t in tallies.items() if t.num_outcomes]
    entries.sort(key=lambda one: (-one.num_rankings, -one.num_with_baseline, one.method))
    return entries[:MAX_LEDGER_METHODS]


def _ranks(rows: Sequence[OutcomeRow]) -> dict[str, dict[str, int]]:
    """The ranks of the sources by method: of the receipt, and of what reports said of others."""
    found: defaultdict[str, dict[str, int]] = defaultdict(dict)
    for row in rows:
        own = {} if row.rank is None else {row.method: row.rank}
        for method, rank in {**own, **row.method_ranks}.items():
            if method in found or len(found) < MAX_METHOD_RANKS:
                found[method][row.reference] = rank
    return found


def _cases(rows: Sequence[OutcomeRow]) -> list[_Case]:
    """The reports of one ranking by metric, seeds averaged."""
    metrics: defaultdict[str, defaultdict[str, list[float]]] = defaultdict(
        lambda: defaultdict(list)
    )
    unshielded: Counter[str] = Counter()
    for row in rows:
        if row.metric_name in metrics or len(metrics) < MAX_METRICS:
            metrics[row.metric_name][row.reference].append(row.metric)
            unshielded[row.metric_name] += row.rank is not None and row.shielded_rank is None
    cases: list[_Case] = []
    for name, values in metrics.items():
        means = {reference: fmean(seeds) for reference, seeds in values.items()}
        baseline = means.pop(BASELINE, None)
        num_outcomes = sum(map(len, values.values()))
        cases.append(_Case(means, baseline, num_outcomes, unshielded[name]))
    return cases


def _add(tally: _Tally, cases: Sequence[_Case], ranks: Ranks) -> None:
    """Add one ranking to what a method has gathered: the means over its metrics."""
    regrets = [case.regrets(ranks) for case in cases]
    better = [case.better(ranks) for case in cases]
    for k, values in tally.regrets.items():
        if told := [one[k] for one in regrets if k in one]:
            values.append(fmean(told))
    if compared := [value for value in better if value is not None]:
        tally.better.append(fmean(compared))
    for case, one, value in zip(cases, regrets, better, strict=True):
        if one or value is not None:
            tally.num_outcomes += case.num_outcomes
            tally.num_unshielded += case.num_unshielded


def _entry(space: str, method: str, tally: _Tally) -> LedgerEntry:
    regret = {k: fmean(values) if values else None for k, values in tally.regrets.items()}
    return LedgerEntry(
        space=space,
        method=method,
        num_rankings=len(tally.regrets[1]),
        num_outcomes=tally.num_outcomes,
        num_unshielded=tally.num_unshielded,
        regret_at_1=regret[1],
        regret_at_3=regret[3],
        regret_at_5=regret[5],
        num_with_baseline=len(tally.better),
        better_than_none=fmean(tally.better) if tally.better else None,
    )
