"""`esm-client ranking`, and how `rank` prints its result."""

import shlex
import warnings
from collections.abc import Iterable
from typing import Annotated

import typer

from esm_client.cli.errors import in_command_words
from esm_client.cli.options.session import Session
from esm_client.cli.output import print_error, print_line
from esm_client.cli.progress import ProgressBars
from esm_client.cli.ranking_document import document
from esm_client.ranking.cautions import CopiesWarning
from esm_client.ranking.method_ranking import MethodRanking
from esm_client.ranking.ranking import Ranking
from esm_client.ranking.rows import how_to_get, shield_notes

SHOW, PULL_MODEL = "esm-client show {}", "esm-client pull {} --source-model"
"""How the command line shows an ESM, and gets its source model."""
Top = Annotated[
    int | None, typer.Option("--top", min=1, metavar="K", help="Show the first K rows.")
]


def ranking(
    session: Session,
    identifier: Annotated[str, typer.Argument(metavar="ID", help="As rank printed it.")],
    top: Top = None,
) -> None:
    """Show an earlier ranking, or several of one target together: ID+ID."""
    from esm_client.ranking.several_spaces import merged

    with (
        session.client() as client,
        ProgressBars(quiet=session.options.quiet) as progress,
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("ignore", CopiesWarning)  # said below, of all spaces together
        found = merged([client.ranking(one, progress=progress) for one in identifier.split("+")])
    print_ranking(session, found, top)


def print_ranking(
    session: Session,
    ranking: Ranking | MethodRanking,
    top: int | None,
    *,
    scores: bool = False,
    data: str = "DATA",
) -> None:
    """Print the first `top` rows of a ranking of `data`, and what there is to know about it.

    What is not known of copies comes before any source is named, in whatever form they are.
    """
    shown = ranking if top is None else ranking.top(top)
    if session.options.as_json or session.options.quiet:
        _warn(ranking.cautions)

    def human() -> None:
        for line in (ranking.heading, *ranking.cautions):
            print_line(line)
        if not len(ranking):
            print_line("There is nothing to rank.")
            for note in shield_notes(ranking.shield, ranking.left_out):
                print_line(note)
            return
        session.output.table(*shown.table(scores=scores))
        if len(shown) < len(ranking):
            print_line(f"… and {len(ranking) - len(shown)} more without --top")
        best = ranking.best
        for line in (*ranking.notes, *how_to_get(best, show=SHOW, pull_model=PULL_MODEL)):
            print_line(line)
        if ranking.shield.state == "unknown":  # the best may be a copy: nobody should go on with it
            return
        print_line(f"Go on with: esm-client pull {best.reference}")
        if isinstance(ranking, Ranking) and ranking.is_stored:
            command = ["esm-client", "transfer", data, "--ranking", ranking.id]
            print_line(f"Or try the best of it: {shlex.join(command)} --output FOLDER")

    ranked = [row.reference for row in shown if row.rank is not None]
    session.output.result(document(shown), names=ranked, human=human)
    _warn((*ranking.doubts, *ranking.problems))


def _warn(sentences: Iterable[str]) -> None:
    for told in sentences:
        print_error(f"warning: {in_command_words(told)}")
