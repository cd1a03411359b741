"""Leaving rows out of a ranking: ranks, factors, ties and ranges are those of the rest."""

from esm_client.core.ordering import leave_out
from esm_client.core.schemas import RankedEsm, SourceTask

TASK = SourceTask(data_set="d", kind="classification")


def row(rank, error=None, span=None, tied=True):
    return RankedEsm(
        rank=rank, reference=f"n/e{rank}@1", digest="sha256:" + "0" * 64, task=TASK,
        score=-0.1 * rank, gain=0.0, log_bayes_factor=-20.0 * (rank - 1), tied=tied,
        standard_error=error, rank_range=span,
    )  # fmt: skip


def test_nothing_changes_where_nothing_goes():
    rows = [row(1, 0.1), row(2, 0.1, tied=False), row(3, 0.1)]
    assert leave_out(rows, {"n/other@1"}) == rows


def test_ties_stay_while_the_best_does():
    rows = [row(1, 0.001), row(2, 0.001), row(3, 0.001, tied=False), row(4, 0.001)]
    found = leave_out(rows, {"n/e2@1"})
    assert [(one.rank, one.tied) for one in found] == [(1, True), (2, False), (3, True)]


def test_without_the_best_ties_follow_errors_or_nats():
    measured = leave_out([row(1, 0.01), row(2, 0.01), row(3, 0.01), row(4, 0.09)], {"n/e1@1"})
    assert [one.tied for one in measured] == [True, False, False]
    wide = leave_out([row(1, 0.1), row(2, 0.1), row(3, 0.1)], {"n/e1@1"})
    assert [one.tied for one in wide] == [True, True]
    by_nats = leave_out([row(1), row(2), row(3), row(4)], {"n/e1@1"})
    assert [one.log_bayes_factor for one in by_nats] == [0.0, -20.0, -40.0]
    assert [one.tied for one in by_nats] == [True, True, False]


def test_ranges_close_up_and_stay_wide_where_they_overlap():
    spans = [(1, 2), (1, 2), (3, 4), (3, 5), (4, 5)]
    rows = [row(rank, 0.1, span) for rank, span in enumerate(spans, start=1)]
    found = leave_out(rows, {"n/e1@1"})
    assert [one.rank_range for one in found] == [(1, 2), (2, 3), (2, 4), (3, 4)]
    found = leave_out(rows, {"n/e4@1"})
    assert [one.rank_range for one in found] == [(1, 2), (1, 2), (2, 4), (3, 5)]
