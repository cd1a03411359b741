"""How methods do against the ground truth of a grid: quality, intervals, costs."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from esm_client.core.errors import EsmError, InvalidInput
from esm_client.core.scoring.fusion import reciprocal_rank_fusion
from esm_client.core.scoring.quality import ndcg, rank_correlation, regret_at
from esm_client.lab.evaluation.records import Record
from esm_client.lab.selection.ranking import fused_components

Array = NDArray[np.float64]
FIGURES = ("ndcg", "ndcg_linear", "regret_1", "regret_3", "regret_5", "correlation")
MIN_SOURCES = 5
RESAMPLES = 2000
INTERVAL = (2.5, 97.5)


@dataclass(frozen=True, eq=False)
class Pool:
    """One target with one seed: the sources with a transfer and a score.

    performance: (n,) after both fine-tunings; without: with no intermediate task. scores: (n,)
    by method, NaN where it says nothing.
    """

    target: str
    seed: int
    metric_name: str
    sources: tuple[str, ...]
    performance: Array
    without: float
    scores: Mapping[str, Array]

    @property
    def is_classification(self) -> bool:
        """Whether the target is one."""
        return self.metric_name == "accuracy"


@dataclass(frozen=True)
class Judgement:
    """One method on one pool.

    ndcg: gain 2^(100 p) - 1, as published; ndcg_linear: gain p above the worst. regret_k in
    percent of the best source's performance. correlation: Spearman's, of scores with performance.
    """

    method: str
    target: str
    seed: int
    is_classification: bool
    num_sources: int
    ndcg: float
    ndcg_linear: float
    regret_1: float
    regret_3: float
    regret_5: float
    correlation: float


def pools(records: Iterable[Record]) -> list[Pool]:
    """The pools of a grid, of targets and seeds whose transfer without a source is known."""
    known = list(records)
    transfers = {(r["source"], r["target"], r["seed"]): r for r in known if r["what"] == "transfer"}
    scored: dict[tuple[str, int], dict[str, dict[str, Any]]] = defaultdict(dict)
    for record in known:
        key = record.get("target", ""), record["seed"]
        if record["what"] == "score" and (record["source"], *key) in transfers:
            scored[key][record["source"]] = record["methods"]
    found: list[Pool] = []
    for (target, seed), by_source in sorted(scored.items()):
        alone = transfers.get((None, target, seed))
        if alone is None or len(by_source) < MIN_SOURCES:
            continue
        names = tuple(sorted(by_source))
        performance = [transfers[name, target, seed]["performance"] for name in names]
        methods = {method: None for cells in by_source.values() for method in cells}
        scores = {
            method: fused_components([_value(by_source[name].get(method)) for name in names])
            for method in methods
        }
        found.append(
            Pool(target, seed, alone["metric_name"], names, np.array(performance),
                 alone["performance"], scores)
        )  # fmt: skip
    return found


def fused(pool: Pool, methods: Sequence[str]) -> Array:
    """The reciprocal rank fusion (n,) of some methods' scores."""
    return reciprocal_rank_fusion(np.column_stack([pool.scores[method] for method in methods]))


def judge(method: str, scores: Array, pool: Pool) -> Judgement:
    """How good a ranking was, on the sources it ranks.

    Regret is against the best of these; sources it says nothing of, and the transfer without any
    source, are not among them. Sources of equal score come in an order drawn by the seed.

    Raises InvalidInput for fewer than five ranked sources.
    """
    order = np.random.default_rng([pool.seed, len(scores)]).permutation(len(scores))
    order = order[np.isfinite(scores[order])]
    if len(order) < MIN_SOURCES:
        raise InvalidInput(
            f"{method} ranks {len(order)} sources of {pool.target}.",
            f"It takes {MIN_SOURCES} to judge a ranking.",
        )
    values, truth = scores[order], pool.performance[order]
    regrets = [regret_at(k, values, truth) for k in (1, 3, 5)]
    return Judgement(
        method, pool.target, pool.seed, pool.is_classification, len(order),
        ndcg(values, truth, gain="exponential"), ndcg(values, truth, gain="linear"),
        regrets[0], regrets[1], regrets[2], rank_correlation(values, truth),
    )  # fmt: skip


def judge_all(found: Sequence[Pool], fusions: Sequence[Sequence[str]] = ()) -> list[Judgement]:
    """Every method on every pool it can rank, and fusions of methods, named by a plus sign.

    Only methods that rank all sources of a pool are fused: others would favour those they rank.
    """
    rows: list[Judgement] = []
    for pool in found:
        tables = dict(pool.scores)
        for names in fusions:
            if all(np.isfinite(pool.scores.get(name, np.nan)).all() for name in names):
                tables["+".join(names)] = fused(pool, names)
        for method, scores in tables.items():
            try:
                rows.append(judge(method, scores, pool))
            except EsmError:  # too few sources that it can rank, or nothing to lose
                continue
    return rows


def mean_interval(values: Mapping[str, Sequence[float]], seed: int = 0) -> tuple[float, ...]:
    """Mean over targets of the means over their seeds, and a 95 percent bootstrap interval.

    values: by target, one per seed. Targets are drawn with replacement, then seeds of each.
    """
    rng = np.random.default_rng(seed)
    groups: list[Array] = [np.array(one, dtype=np.float64) for one in values.values()]
    means = np.empty(RESAMPLES)
    for row in range(RESAMPLES):
        drawn: list[Array] = [
            groups[g] for g in rng.integers(len(groups), size=len(groups)).tolist()
        ]
        means[row] = np.mean([rng.choice(one, size=len(one)).mean() for one in drawn])
    low, high = np.percentile(means, INTERVAL)
    return float(np.mean([one.mean() for one in groups])), float(low), float(high)


def summary(rows: Sequence[Judgement]) -> dict[str, dict[str, tuple[float, ...]]]:
    """By method, by figure: mean, low and high; and how many targets and sources there were."""
    found: dict[str, dict[str, tuple[float, ...]]] = {}
    for method in {row.method: None for row in rows}:
        mine = [row for row in rows if row.method == method]
        found[method] = {
            "targets": (float(len({row.target for row in mine})),),
            "sources": (float(np.mean([row.num_sources for row in mine])),),
        }
        for figure in FIGURES:
            by_target: dict[str, list[float]] = defaultdict(list)
            for row in mine:
                by_target[row.target].append(getattr(row, figure))
            found[method][figure] = mean_interval(by_target)
    return found


def costs(records: Iterable[Record]) -> dict[str, dict[str, float]]:
    """By method: mean seconds of phase 1 and 2 per source, and bytes of what phase 1 keeps.

    `pass`: of the shared embedding pass of a source model over a target, which LogME, NCE, LEEP
    and frozen transfer need in phase 2 and which is not in their seconds.
    """
    cells: dict[str, list[dict[str, Any]]] = defaultdict(list)
    passes: list[float] = []
    for record in records:
        if record["what"] == "pass":
            passes.append(record["seconds"])
        elif record["what"] == "score":
            for method, cell in record["methods"].items():
                if cell["seconds"] is not None:
                    cells[method].append(cell)
    found = {
        method: {
            name: float(np.mean([cell[name] for cell in some]))
            for name in ("prepare_seconds", "seconds", "num_bytes")
        }
        for method, some in cells.items()
    }
    if passes:
        found["pass"] = {"seconds": float(np.mean(passes))}
    return found


def _value(cell: Mapping[str, Any] | None) -> float | list[float]:
    value = None if cell is None else cell["value"]
    return float("nan") if value is None else value
