"""`esm-client columns`."""

from typing import Annotated

import typer

from esm_client.cli.options.data import (
    DATA_HELP,
    DataRevision,
    Delimiter,
    LabelColumn,
    Split,
    Streaming,
    Subset,
    TextColumns,
)
from esm_client.cli.options.session import Session
from esm_client.cli.output import one_line, print_line


def columns(
    session: Session,
    data: Annotated[str, typer.Argument(metavar="DATA", help=DATA_HELP)],
    text_column: TextColumns = None,
    label_column: LabelColumn = None,
    subset: Subset = None,
    split: Split = None,
    data_revision: DataRevision = None,
    streaming: Streaming = False,
    delimiter: Delimiter = None,
) -> None:
    """Say which columns of a data set would be used, and why."""
    from esm_client.lab.data.opening import open_table
    from esm_client.lab.data.survey import survey_table

    table = open_table(
        data, subset=subset, split=split, revision=data_revision, streaming=streaming,
        delimiter=delimiter,
    )  # fmt: skip
    with session.output.working(f"Reading {data}"):
        survey = survey_table(
            table, text_columns=text_column or (), label_column=label_column, split=split
        )
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
