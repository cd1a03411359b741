"""`esm-client ranking`, and how `rank` prints its result."""

from typing import Annotated

import typer

from esm_client.cli.output import counted, print_error, print_line
from esm_client.cli.session import Session
from esm_client.remote.ranking import Ranking
from esm_client.remote.ranking_rows import COLUMNS, RIGHT, cells, heading, legend

Top = Annotated[
    int | None, typer.Option("--top", min=1, metavar="K", help="Show the first K rows.")
]


def ranking(
    session: Session,
    identifier: Annotated[str, typer.Argument(metavar="ID", help="As rank printed it.")],
    top: Top = None,
) -> None:
    """Show an earlier ranking."""
    with session.client() as client:
        found = client.ranking(identifier)
    print_ranking(session, found, top)


def print_ranking(session: Session, ranking: Ranking, top: int | None) -> None:
    """Print the first `top` rows of a ranking, and what there is to know about it."""
    shown = ranking if top is None else ranking.top(top)

    def human() -> None:
        print_line(heading(ranking.receipt))
        if not len(ranking):
            print_line("No ESM could be scored.")
            return
        session.output.table(COLUMNS, [cells(row) for row in shown], RIGHT)
        if len(shown) < len(ranking):
            print_line(f"… and {len(ranking) - len(shown)} more; --json gives all")
        print_line(legend(ranking.receipt))
        print_line(f"Go on with: esm-client pull {ranking.best.reference}")

    session.output.result(ranking.receipt, names=[row.reference for row in shown], human=human)
    _warn(ranking)


def _warn(ranking: Ranking) -> None:
    if not ranking.space_verified:
        print_error(
            "warning: nobody could verify that these embeddings are of the space "
            f"{ranking.receipt.space}; if they are not, the scores mean nothing."
        )
    if len(ranking) and max(row.gain for row in ranking) <= 0:
        print_error(
            "warning: no source task scores above the base model as it is; "
            "fine-tuning on one of them first is not expected to help."
        )
    if ranking.skipped:
        first = ranking.skipped[0]
        print_error(
            f"warning: {counted(len(ranking.skipped), 'ESM')} could not be scored; "
            f"{first.reference}: {first.reason}"
        )
