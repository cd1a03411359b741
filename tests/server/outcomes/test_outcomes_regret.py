"""The ledger's figures equal those worked out by hand."""

import pytest

from esm_client.core.limits import MAX_LEDGER_METHODS, MAX_METRIC
from esm_server.db import OutcomeRow
from esm_server.outcomes.regret import ledger_entries

OWN = "log-maximum-evidence"


def row(reference, metric, rank=None, *, ranking="r1", metric_name="accuracy", seed=-1, **others):
    """An outcome; `others` are ranks by other methods."""
    return OutcomeRow(
        ranking_id=ranking,
        space_id=1,
        method=OWN,
        reference=reference,
        rank=rank,
        metric_name=metric_name,
        metric=metric,
        seed=seed,
        method_ranks=others,
        reported_by="anna",
    )


def by_method(rows):
    return {entry.method: entry for entry in ledger_entries("space", rows)}


FOUR = [
    row("a", 0.80, 1, seed=1, text=4),
    row("a", 0.90, 1, seed=2, text=4),
    row("b", 0.90, 2, text=3),
    row("c", 0.70, 3, text=1),
    row("d", 0.60, 4, text=2),
    row("", 0.82, seed=1),
    row("", 0.86, seed=2),
]
"""Means: a 0.85, b 0.90, c 0.70, d 0.60, baseline 0.84."""


def test_one_ranking():
    found = by_method(FOUR)
    own, text = found[OWN], found["text"]
    assert own.regret_at_1 == pytest.approx(100 * 0.05 / 0.90)  # a instead of b
    assert own.regret_at_3 == 0.0  # a, b and c: b is among them
    assert own.regret_at_5 is None  # four sources: five of them are all
    assert (own.better_than_none, own.num_with_baseline) == (1.0, 1)  # a: 0.85 against 0.84
    assert text.regret_at_1 == pytest.approx(100 * 0.20 / 0.90)  # c instead of b
    assert text.regret_at_3 == 0.0
    assert text.better_than_none == 0.0
    for entry in (own, text):
        assert (entry.space, entry.num_rankings, entry.num_outcomes) == ("space", 1, 7)


def test_several_rankings_and_metrics():
    """Each ranking weighs the same, whatever number of sources, seeds and metrics it has."""
    f1 = [row("a", 0.5, 1, metric_name="f1"), row("b", 0.4, 2, metric_name="f1")]
    two = [
        row("x", 0.50, 1, ranking="r2", text=2),
        row("y", 0.75, 2, ranking="r2"),
    ]
    found = by_method([*FOUR, *f1, *two])
    own, text = found[OWN], found["text"]
    first = (100 * 0.05 / 0.90 + 0) / 2  # accuracy, and f1: a is the best of a and b
    assert own.regret_at_1 == pytest.approx((first + 100 / 3) / 2)
    assert own.regret_at_3 == 0.0  # of the first ranking's accuracy alone
    assert own.better_than_none == 1.0
    assert (own.num_rankings, own.num_with_baseline, own.num_outcomes) == (2, 1, 11)
    # text: b (3) before a (4) in f1 too; it did not rank y, so the second ranking tells nothing
    assert text.regret_at_1 == pytest.approx((100 * 0.20 / 0.90 + 100 * 0.1 / 0.5) / 2)
    assert (text.num_rankings, text.num_outcomes) == (1, 9)


def test_regret_at_each_k():
    """Six sources, the better the later they were ranked."""
    rows = [row(name, 0.1 * rank, rank) for rank, name in enumerate("abcdef", start=1)]
    (own,) = ledger_entries("space", rows)
    assert own.regret_at_1 == pytest.approx(100 * 5 / 6)
    assert own.regret_at_3 == pytest.approx(100 * 3 / 6)
    assert own.regret_at_5 == pytest.approx(100 * 1 / 6)
    assert (own.better_than_none, own.num_with_baseline) == (None, 0)


def test_equal_ranks_win_nothing():
    rows = [
        row("a", 0.8, 1, blind=1),
        row("b", 0.4, 2, blind=1),
        row("", 0.5),
    ]
    found = by_method(rows)
    assert (found[OWN].regret_at_1, found[OWN].better_than_none) == (0.0, 1.0)
    assert found["blind"].regret_at_1 == pytest.approx(50.0)
    assert found["blind"].better_than_none == 0.0


def test_equal_performance_is_no_regret_and_no_win():
    own = by_method([row("a", 0.5, 1), row("b", 0.5, 2), row("", 0.5)])[OWN]
    assert (own.regret_at_1, own.better_than_none) == (0.0, 0.0)


def test_one_source_against_the_baseline():
    own = by_method([row("a", 0.7, 5), row("", 0.6)])[OWN]
    assert (own.num_rankings, own.regret_at_1) == (0, None)
    assert (own.num_with_baseline, own.better_than_none, own.num_outcomes) == (1, 1.0, 2)


@pytest.mark.parametrize(
    "rows",
    [
        [],
        [row("", 0.5)],
        [row("a", 0.5, 1)],
        [row("a", 0.0, 1), row("b", -0.5, 2)],
        [row("a", 1e-300, 1), row("b", -MAX_METRIC, 2)],
        [row("a", 0.5, 1), row("b", 0.4, 2, metric_name="f1")],
        [row("a", 0.5, 1), row("b", 0.4, 2, ranking="r2")],
    ],
    ids=["none", "baseline", "one", "worthless", "tiny", "two metrics", "two rankings"],
)
def test_nothing_to_tell(rows):
    assert ledger_entries("space", rows) == []


def test_negative_metrics_beat_a_baseline_but_have_no_regret():
    own = by_method([row("a", -1.0, 1), row("b", -3.0, 2), row("", -2.0)])[OWN]
    assert (own.regret_at_1, own.better_than_none) == (None, 1.0)


def test_regret_is_a_hundred_percent_at_most():
    own = by_method([row("a", -0.5, 1), row("b", 0.5, 2)])[OWN]
    assert own.regret_at_1 == pytest.approx(100.0)


def test_the_later_report_says_what_rank_a_method_gave():
    rows = [
        row("a", 0.5, 1, seed=1, text=1),
        row("a", 0.5, 1, seed=2, text=3),
        row("b", 0.4, 2, text=2),
    ]
    assert by_method(rows)["text"].regret_at_1 == pytest.approx(20.0)


def test_most_rankings_first_and_no_more_methods_than_the_limit():
    rows = []
    for part in range(8):
        many = {f"m{number:03d}": 1 for number in range(part * 30, part * 30 + 30)}
        rows += [row("a", 0.5, 1, ranking=f"r{part}", **many)]
        rows += [row("b", 0.5, 2, ranking=f"r{part}", **many)]
    entries = ledger_entries("space", rows)
    assert len(entries) == MAX_LEDGER_METHODS
    assert [entry.method for entry in entries[:3]] == [OWN, "m000", "m001"]


def test_one_report_below_zero_does_not_drown_the_others():
    perfect = [
        row(name, metric, rank, ranking=f"p{number}", metric_name="mcc")
        for number in range(3)
        for name, metric, rank in (("a", 0.5, 1), ("b", 0.1, 2))
    ]
    strange = [row("a", -1e9, 1, ranking="s"), row("b", 2e-9, 2, ranking="s")]
    assert by_method([*perfect, *strange])[OWN].regret_at_1 == pytest.approx(100 / 4)


def test_a_ranking_has_as_many_methods_and_metrics_as_count():
    rows = [
        row(
            name,
            metric,
            rank,
            metric_name=f"m{number}",
            **{f"x{number}-{n}": rank for n in range(9)},
        )
        for number in range(12)
        for name, metric, rank in (("a", 0.5, 1), ("b", 0.1, 2))
    ]
    found = by_method(rows)
    assert len(found) == 32
    assert found[OWN].num_outcomes == 16
