"""`esm-client ranking`, and how `rank` prints its result."""

import shlex
from collections.abc import Sequence
from typing import Annotated, Any

import typer

from esm_client.cli.options.session import Session
from esm_client.cli.output import print_error, print_line
from esm_client.ranking.ranking import Ranking
from esm_client.ranking.rows import (
    RIGHT,
    Named,
    cells,
    columns,
    heading,
    how_to_get,
    legend,
    shield_notes,
    skipped_note,
)
from esm_client.ranking.shield import ShieldReport

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

    with session.client() as client:
        found = merged([client.ranking(one) for one in identifier.split("+")])
    print_ranking(session, found, top)


def print_ranking(session: Session, ranking: Ranking, top: int | None, data: str = "DATA") -> None:
    """Print the first `top` rows of a ranking of `data`, and what there is to know about it."""
    shown = ranking if top is None else ranking.top(top)

    def human() -> None:
        print_line(heading(ranking.receipt))
        if not len(ranking):
            print_line("There is nothing to rank.")
            for note in shield_notes(ranking.shield, ranking.left_out):
                print_line(note)
            return
        rows = [cells(row, ranking.shield) for row in shown]
        session.output.table(columns(ranking.shield), rows, RIGHT)
        if len(shown) < len(ranking):
            print_line(f"… and {len(ranking) - len(shown)} more without --top")
        print_line(legend(ranking.receipt))
        for note in shield_notes(ranking.shield, ranking.left_out):
            print_line(note)
        for line in how_to_get(ranking.best):
            print_line(line)
        print_line(f"Go on with: esm-client pull {ranking.best.reference}")
        if ranking.is_stored:
            command = ["esm-client", "transfer", data, "--ranking", ranking.id]
            print_line(f"Or try the best of it: {shlex.join(command)} --output FOLDER")

    session.output.result(_document(shown), names=[row.reference for row in shown], human=human)
    _warn(ranking)


def _document(ranking: Ranking) -> dict[str, Any]:
    """The receipt with the rows as they are shown, and what the shield found."""
    document = ranking.receipt.model_dump(mode="json")
    document["rows"] = [row.model_dump(mode="json") for row in ranking]
    shield = ranking.shield
    return {
        **document, "shield": None if shield is None else shield_document(shield, ranking.left_out)
    }  # fmt: skip


def shield_document(shield: ShieldReport, left_out: Sequence[Named]) -> dict[str, Any]:
    """What the shield found, and the copies that were left out."""
    overlaps = {
        reference: {
            "share": found.share,
            "interval": list(found.interval),
            "matched": found.matched,
            "compared": found.compared,
            "copy": found.is_copy,
        }
        for reference, found in shield.overlaps.items()
    }
    return {
        "compared": shield.num_compared,
        "unknown": shield.num_unknown,
        "overlaps": overlaps,
        "left_out": [row.reference for row in left_out],
        "groups": [list(group) for group in shield.groups],
    }


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
    for note in skipped_note(ranking.receipt):
        print_error(f"warning: {note}")
