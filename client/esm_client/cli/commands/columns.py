"""`esm-client columns`."""

from typing import Annotated

import typer

from esm_client.cli.options.data import DATA_HELP, reads_data
from esm_client.cli.options.session import Session
from esm_client.cli.output import one_line, print_line
from esm_client.lab.data.options import DataOptions


@reads_data(without=("kind", "limit_rows", "seed", "unlabelled"))
def columns(
    session: Session,
    data: Annotated[str, typer.Argument(metavar="DATA", help=DATA_HELP)],
    reading: DataOptions,
) -> None:
    """Say which columns of a data set would be used, and why."""
    from esm_client.lab.data.survey import survey_data

    with session.output.working(f"Reading {data}"):
        table, survey = survey_data(data, reading)
    choice = survey.choice

    def human() -> None:
        session.output.facts(
            {
                "texts": ", ".join(choice.text_columns) or "not found",
                "labels": choice.label_column or "not found",
                "kind": choice.kind or "as the labels are",
                "split": survey.split or table.split or "",
                "certain": "yes" if choice.certain else "no",
            }
        )
        for sentence in (*choice.reasons, *survey.notes, *choice.doubts):
            print_line(one_line(sentence))

    document = {
        "columns": list(table.columns),
        "text_columns": list(choice.text_columns),
        "label_column": choice.label_column,
        "kind": choice.kind,
        "split": survey.split or table.split,
        "certain": choice.certain,
        "reasons": [*choice.reasons, *survey.notes],
        "doubts": list(choice.doubts),
    }
    found = [*choice.text_columns, *([choice.label_column] if choice.label_column else [])]
    session.output.result(document, names=found, human=human)
