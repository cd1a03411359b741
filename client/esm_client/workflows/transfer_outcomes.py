"""Reporting to the registry what came of the sources of one of its rankings."""

import re
import warnings
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from esm_client.core.errors import EsmError
from esm_client.core.warnings import EsmWarning

if TYPE_CHECKING:
    from esm_client.lab.evaluation.transfer_report import TransferReport
    from esm_client.remote.client import Client

MAX_METRIC_NAME = 50


def report_outcomes(
    client: "Client", ranking: str, report: "TransferReport", *, sure: Collection[str] = ()
) -> int | None:
    """Report every result of single sources and of the baseline; returns how many.

    sure: source tasks whose ranks in the report are known to be those without copies of the target.

    What was reported of the ranking before in this metric is withdrawn first: another recipe or
    other rows may stand behind it, and regret would compare what does not compare. Where the
    registry cannot be told of all, a warning says so, and None is returned.
    """
    name = as_metric_name(report.metric_name)
    outcomes = _outcomes(report, sure)
    try:
        client.outcomes.withdraw(ranking, name)
        for reference, rank, seed, value in outcomes:
            client.outcomes.report(
                ranking, reference, value, metric_name=name, seed=seed, rank=rank
            )
    except EsmError as error:
        warnings.warn(
            f"the registry could not be told of all results: {error} They are kept; the same call "
            "again reports them.",
            EsmWarning,
            stacklevel=2,
        )
        return None
    return len(outcomes)


def as_metric_name(text: str) -> str:
    """A metric's name as outcomes have it.

    >>> as_metric_name("F1 of the answer's tokens")
    'f1-of-the-answer-s-tokens'
    """
    plain = re.sub(r"[^a-z0-9._-]+", "-", text.lower())
    return plain.strip(".-")[:MAX_METRIC_NAME]


def _outcomes(
    report: "TransferReport", sure: Collection[str]
) -> Sequence[tuple[str | None, int | None, int, float]]:
    """Source or baseline, rank if known, seed, performance; a chain stands in no ranking."""
    return [
        (name, row.rank if name in sure else None, seed, value)
        for row in report.rows
        if len(row.names) < 2
        for name in (row.names or (None,))
        for seed, value in (row.performances or {}).items()
    ]
