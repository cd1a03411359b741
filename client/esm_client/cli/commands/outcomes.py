"""`esm-client report-outcome` and `esm-client ledger`."""

from typing import Annotated

import typer

from esm_client.cli.options.session import Session
from esm_client.cli.output import print_line
from esm_client.core.schemas import Ledger, LedgerEntry, Outcome

NONE = "none"
COLUMNS = (
    "method", "rankings", "outcomes", "regret@1", "regret@3", "regret@5", "better than none",
)  # fmt: skip
LEGEND = (
    "regret@k: how far, in percent of the best reported source, the best of the k that the method "
    "ranked highest falls short; of rankings with more than k reported sources. better than none: "
    "how often its highest ranked of these beat the baseline."
)

UNSHIELDED = (
    "{} of the {} outcomes of {}: where they were reported, nobody knew whether copies of the data "
    "stand among the ranked sources."
)
UNTOLD = (
    "Whether copies of the data stand among the ranked sources of {} the registry does not tell: "
    "it is of an earlier version."
)


def report_outcome(
    session: Session,
    ranking: Annotated[str, typer.Argument(metavar="RANKING", help="Its id, as rank printed it.")],
    source: Annotated[
        str,
        typer.Argument(
            metavar="SOURCE",
            help="The ESM as it stands there; none: no intermediate task, the baseline.",
        ),
    ],
    metric: Annotated[
        float,
        typer.Argument(
            metavar="METRIC",
            help="On your held-out rows; higher is better. Put -- before a negative one.",
        ),
    ],
    metric_name: Annotated[
        str, typer.Option(metavar="NAME", help="What was measured.")
    ] = "accuracy",
    seed: Annotated[
        int | None, typer.Option(min=0, metavar="N", help="Of the fine-tuning, if you try several.")
    ] = None,
) -> None:
    """Tell the registry how a source task of a ranking did; again replaces what was told."""
    reference = None if source == NONE else source
    with session.client() as client:
        stored = client.outcomes.report(
            ranking, reference, metric, metric_name=metric_name, seed=seed
        )
    session.output.result(
        stored, names=[stored.reference or NONE], human=lambda: print_line(_told(stored))
    )


def ledger(
    session: Session, space: Annotated[str, typer.Argument(metavar="SPACE", help="Its name.")]
) -> None:
    """Show how good the rankings of a space were, by what was reported of them."""
    with session.client() as client:
        found = client.outcomes.ledger(space)
    session.output.result(
        found, names=[one.method for one in found.entries], human=lambda: _print(session, found)
    )


def _told(stored: Outcome) -> str:
    source = stored.reference or "no intermediate task"
    unsure = "" if stored.shielded else "; whether copies of your data are ranked is not known"
    rank = f" (rank {stored.rank}{unsure})" if stored.rank else ""
    seed = f", seed {stored.seed}" if stored.seed is not None else ""
    return f"{stored.ranking}: {source}{rank} has {stored.metric_name} {stored.metric:g}{seed}."


def _print(session: Session, found: Ledger) -> None:
    if not found.entries:
        session.output.note(
            f"Nothing to tell of {found.space} yet: report two source tasks of a ranking, or one "
            f"and the baseline, {NONE}: esm-client report-outcome RANKING SOURCE METRIC"
        )
        return
    for one in found.entries:
        if one.num_unshielded is None:
            print_line(UNTOLD.format(one.method))
        elif one.num_unshielded:
            print_line(UNSHIELDED.format(one.num_unshielded, one.num_outcomes, one.method))
    session.output.table(COLUMNS, [_cells(one) for one in found.entries], COLUMNS[1:])
    print_line(LEGEND)


def _cells(one: LedgerEntry) -> tuple[str, ...]:
    regrets = (one.regret_at_1, one.regret_at_3, one.regret_at_5)
    share = one.better_than_none
    return (
        one.method,
        str(one.num_rankings),
        str(one.num_outcomes),
        *("-" if value is None else f"{value:.2f} %" for value in regrets),
        "-" if share is None else f"{100 * share:.0f} % of {one.num_with_baseline}",
    )
