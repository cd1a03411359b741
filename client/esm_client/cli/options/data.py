"""The options by which `rank`, `train` and `columns` read a data set."""

from typing import Annotated

import typer

from esm_client.core.schemas import Kind, SourceKind

DATA_HELP = "CSV, TSV, JSON lines, SQuAD, CoNLL or Parquet file, saved datasets folder, or hub id."

TextColumns = Annotated[
    list[str] | None,
    typer.Option(
        "--text-column",
        metavar="COLUMN",
        help="Column of texts, else found out; give it twice for pairs.",
    ),
]
LabelColumn = Annotated[
    str | None,
    typer.Option("--label-column", metavar="COLUMN", help="Column of labels, else found out."),
]
KindOption = Annotated[
    Kind | None, typer.Option("--kind", help="What the labels are; else inferred.")
]
SourceKindOption = Annotated[
    SourceKind | None, typer.Option("--kind", help="What the labels are; else inferred.")
]
LimitRows = Annotated[
    int, typer.Option("--limit-rows", min=1, metavar="N", help="Draw at most so many rows.")
]
Seed = Annotated[int, typer.Option("--seed", min=0, metavar="N", help="Seed of all randomness.")]
Subset = Annotated[
    str | None, typer.Option("--subset", metavar="NAME", help="Configuration of a hub id.")
]
Split = Annotated[
    str | None,
    typer.Option("--split", metavar="NAME", help="Of several; else train, or the largest."),
]
DataRevision = Annotated[
    str | None,
    typer.Option("--data-revision", metavar="COMMIT", help="Which state of a hub id to load."),
]
Streaming = Annotated[
    bool, typer.Option("--streaming", help="Download no more of a hub id than is read.")
]
Delimiter = Annotated[
    str | None, typer.Option("--delimiter", metavar="CHARACTER", help="Of a CSV; else found out.")
]
Unlabelled = Annotated[
    str | None, typer.Option("--unlabelled", metavar="LABEL", help="A label that means none.")
]
