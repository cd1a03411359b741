"""How much a difference of two scores says: the log Bayes factor and the tie rule."""

from esm_client.core.errors import InvalidInput
from esm_client.core.scoring.labels import Kind, check_kind

TIE_NATS = 30.0
"""Below this many nats of log Bayes factor two maps count as tied, in absolute value.

A heuristic: rows vary, and on real maps the sign of a difference agreed between
disjoint halves of 500 rows in 52 percent of pairs below 3 nats, 78 percent at 3 to
10, 89 percent at 10 to 30, and in all above 30. Where jackknife errors are known,
two of them are the better rule.
"""

SURE_ERRORS = 2.0
"""Jackknife standard errors by which two rows must differ not to be tied, where those are known."""


def log_bayes_factor(
    score_difference: float,
    *,
    kind: Kind,
    num_rows: int,
    num_label_columns: int,
    intercept: bool = True,
) -> float:
    """Log Bayes factor, in nats, of two maps whose scores on one target differ.

    The difference times n (N - 1 with intercept, else N) times the number of
    independent columns: C for regression, C - 1 for C classes, because the last
    class follows from the others. The evidences are maximised ones (You et al. 2021,
    LogME, section 3). Raises InvalidInput if rows or columns are too few.

    >>> log_bayes_factor(0.02, kind="classification", num_rows=1001, num_label_columns=3)
    40.0
    """
    check_kind(kind)
    n = num_rows - int(intercept)
    independent = num_label_columns - int(kind == "classification")
    if n < 1 or independent < 1:
        raise InvalidInput(
            f"{num_rows} rows and {num_label_columns} label columns leave nothing to compare.",
            "Give at least two rows, and two classes for classification.",
        )
    return score_difference * n * independent
