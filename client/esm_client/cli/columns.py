"""The options by which `rank` and `train` find texts and labels in a data file."""

from typing import Annotated

import typer

from esm_client.core.schemas import Kind

TEXT_COLUMN_HELP = "Column of texts; give it twice for pairs."

TextColumns = Annotated[
    list[str] | None,
    typer.Option("--text-column", metavar="COLUMN", help=TEXT_COLUMN_HELP),
]
LabelColumn = Annotated[
    str | None, typer.Option("--label-column", metavar="COLUMN", help="Column of labels.")
]
KindOption = Annotated[
    Kind | None, typer.Option("--kind", help="What the labels are; else inferred.")
]
LimitRows = Annotated[
    int, typer.Option("--limit-rows", min=1, metavar="N", help="Draw at most so many rows.")
]
Seed = Annotated[int, typer.Option("--seed", min=0, metavar="N", help="Seed of all randomness.")]
