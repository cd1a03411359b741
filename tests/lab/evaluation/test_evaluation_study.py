"""The study against figures computed by hand."""

import numpy as np
import pytest

from esm_client.core.errors import InvalidInput
from esm_client.lab.evaluation.study import (
    costs,
    fused,
    judge,
    judge_all,
    mean_interval,
    pools,
    summary,
)

SOURCES = ("a", "b", "c", "d", "e")
PERFORMANCE = {"a": 0.5, "b": 0.6, "c": 0.7, "d": 0.8, "e": 0.9}


def transfer(source, target="t", seed=0, performance=0.55, metric="accuracy"):
    return {"what": "transfer", "source": source, "target": target, "seed": seed,
            "performance": performance, "metric_name": metric, "seconds": 1.0}  # fmt: skip


def score(source, target="t", seed=0, **values):
    cells = {
        method: {"value": value, "prepare_seconds": 0.5, "seconds": 0.25, "num_bytes": 100.0,
                 "reason": "" if value is not None else "none"}
        for method, value in values.items()
    }  # fmt: skip
    return {"what": "score", "source": source, "target": target, "seed": seed, "methods": cells}


@pytest.fixture(name="records")
def _records():
    """`good` orders as the truth does, `bad` the other way round, `half` ranks too few."""
    rows = [transfer(None)]
    for number, name in enumerate(SOURCES):
        rows.append(transfer(name, performance=PERFORMANCE[name]))
        few = float(number) if number < 4 else None
        rows.append(score(name, good=float(number), bad=-float(number), half=few))
    return rows


def test_a_pool_holds_what_has_a_transfer_and_a_score(records) -> None:
    (pool,) = pools([*records, score("f", good=9.0), transfer("g"), transfer("a", seed=1)])
    assert pool.sources == SOURCES
    assert pool.performance.tolist() == list(PERFORMANCE.values())
    assert pool.without == 0.55
    assert np.isnan(pool.scores["half"]).tolist() == [False] * 4 + [True]


def test_without_the_transfer_of_no_source_there_is_no_pool(records) -> None:
    assert pools(records[1:]) == []


def test_quality_by_hand(records) -> None:
    (pool,) = pools(records)
    good, bad = (judge(name, pool.scores[name], pool) for name in ("good", "bad"))
    assert (good.ndcg, good.ndcg_linear, good.correlation) == pytest.approx((1.0, 1.0, 1.0))
    assert (good.regret_1, good.regret_3, good.regret_5) == (0.0, 0.0, 0.0)
    assert bad.correlation == pytest.approx(-1.0)
    assert bad.regret_1 == pytest.approx(100 * (0.9 - 0.5) / 0.9)
    assert bad.regret_3 == pytest.approx(100 * (0.9 - 0.7) / 0.9)
    assert bad.regret_5 == pytest.approx(0.0)
    discounts = 1 / np.log2([2, 3, 4, 5, 6])
    gains = np.array([0, 0.25, 0.5, 0.75, 1.0])
    assert bad.ndcg_linear == pytest.approx(gains @ discounts / (gains[::-1] @ discounts))


def test_too_few_ranked_sources_are_not_judged(records) -> None:
    (pool,) = pools(records)
    with pytest.raises(InvalidInput, match="half ranks 4 sources of t"):
        judge("half", pool.scores["half"], pool)
    assert {row.method for row in judge_all([pool])} == {"good", "bad"}


def test_a_fusion_of_opposites_says_nothing(records) -> None:
    (pool,) = pools(records)
    both = fused(pool, ("good", "bad"))
    assert both == pytest.approx(both[::-1])
    fusions = [("good", "bad"), ("good", "absent"), ("good", "half")]
    names = {row.method for row in judge_all([pool], fusions)}
    assert names == {"good", "bad", "good+bad"}


def test_equal_scores_come_in_a_drawn_order() -> None:
    rows = [transfer(None), *(transfer(None, seed=seed) for seed in range(1, 40))]
    for seed in range(40):
        for name in SOURCES:
            rows.append(transfer(name, seed=seed, performance=PERFORMANCE[name]))
            rows.append(score(name, seed=seed, same=1.0))
    regrets = [judge("same", pool.scores["same"], pool).regret_1 for pool in pools(rows)]
    assert len({round(value, 6) for value in regrets}) == 5


def test_numbers_by_component_are_fused() -> None:
    rows = [transfer(None)]
    parts = {"a": [1, 1, 0], "b": [2, 0, 1], "c": [0, 2, 2], "d": [3, 3, 3], "e": [4, 4, 4]}
    for name, values in parts.items():
        rows += [transfer(name, performance=PERFORMANCE[name]), score(name, wide=values)]
    (pool,) = pools(rows)
    ranks = {"a": (4, 4, 5), "b": (3, 5, 4), "c": (5, 3, 3), "d": (2, 2, 2), "e": (1, 1, 1)}
    wanted = [sum(1 / (60 + rank) for rank in ranks[name]) for name in SOURCES]
    assert pool.scores["wide"] == pytest.approx(wanted)


def test_an_interval_holds_the_mean_and_narrows_with_targets() -> None:
    rng = np.random.default_rng(0)
    few = {str(n): list(rng.normal(5, 1, 2)) for n in range(4)}
    many = {str(n): list(rng.normal(5, 1, 2)) for n in range(64)}
    for values in (few, many):
        mean, low, high = mean_interval(values)
        assert low < mean < high
        assert mean == pytest.approx(np.mean([np.mean(one) for one in values.values()]))
    widths = [np.diff(mean_interval(values)[1:])[0] for values in (few, many)]
    assert widths[1] < widths[0] / 2
    assert mean_interval({"a": [2.0], "b": [2.0]}) == (2.0, 2.0, 2.0)


def test_targets_weigh_the_same_however_many_seeds() -> None:
    assert mean_interval({"a": [0.0], "b": [1.0, 1.0, 1.0]})[0] == 0.5


def test_the_summary_counts_targets_and_sources(records) -> None:
    again = [{**row, "target": "u"} for row in records]
    table = summary(judge_all(pools([*records, *again])))
    assert table["good"]["targets"] == (2.0,)
    assert table["good"]["sources"] == (5.0,)
    assert table["bad"]["regret_1"][0] == pytest.approx(100 * 0.4 / 0.9)


def test_costs_are_means_over_what_was_scored(records) -> None:
    found = costs([*records, {"what": "pass", "seconds": 3.0}])
    assert found["good"] == {"prepare_seconds": 0.5, "seconds": 0.25, "num_bytes": 100.0}
    assert found["pass"] == {"seconds": 3.0}
