"""The options by which commands read a data set."""

import inspect
from collections.abc import Callable, Collection
from typing import Annotated, Any

import typer

from esm_client.core.schemas import Kind, SourceKind
from esm_client.lab.data.options import DataOptions

DATA_HELP = "CSV, TSV, JSON lines, SQuAD, CoNLL or Parquet file, saved datasets folder, or hub id."

TextColumns = Annotated[
    list[str] | None,
    typer.Option(
        "--text-column",
        metavar="COLUMN",
        help="Column of texts; default: detected. Repeat it for pairs.",
    ),
]
LabelColumn = Annotated[
    str | None,
    typer.Option("--label-column", metavar="COLUMN", help="Column of labels; default: detected."),
]
KindOption = Annotated[
    Kind | None, typer.Option("--kind", help="What the labels are; default: detected.")
]
SourceKindOption = Annotated[
    SourceKind | None, typer.Option("--kind", help="What the labels are; default: detected.")
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
    typer.Option(
        "--split", metavar="NAME", help="Which of several; default: train, or the largest."
    ),
]
DataRevision = Annotated[
    str | None,
    typer.Option("--data-revision", metavar="COMMIT", help="Which state of a hub id to load."),
]
Streaming = Annotated[
    bool, typer.Option("--streaming", help="Download no more of a hub id than is read.")
]
Delimiter = Annotated[
    str | None,
    typer.Option("--delimiter", metavar="CHARACTER", help="Delimiter of a CSV; default: detected."),
]
Unlabelled = Annotated[
    str | None, typer.Option("--unlabelled", metavar="LABEL", help="A label that means none.")
]


def reads_data(*, without: Collection[str] = ()) -> Callable[[Callable[..., None]], Any]:
    """Give a command the options of a data set in place of its parameter `reading`, a DataOptions.

    An option that the command declares itself keeps its own default and help; the command is
    given it besides. without: names of parameters that it does not need.
    """

    def splice(function: Callable[..., None]) -> Callable[..., None]:
        own = inspect.signature(function).parameters
        every = inspect.signature(_reading).parameters
        added = [name for name in every if name not in without and name not in own]

        def run(*session: Any, **given: Any) -> None:
            told = {name: given.pop(name) for name in added}
            told |= {name: given[name] for name in every if name in own}
            columns = tuple(told.pop("text_column") or ())
            function(*session, **given, reading=DataOptions.of(text_columns=columns, **told))

        spliced: list[inspect.Parameter] = []
        for name, one in own.items():
            spliced += [every[new] for new in added] if name == "reading" else [one]
        by_name = [
            one.replace(kind=inspect.Parameter.KEYWORD_ONLY) if place else one
            for place, one in enumerate(spliced)
        ]
        run.__signature__ = inspect.Signature(by_name)  # pyright: ignore[reportFunctionMemberAccess]
        run.__doc__ = function.__doc__
        return run

    return splice


def _reading(
    text_column: TextColumns = None,
    label_column: LabelColumn = None,
    kind: SourceKindOption = None,
    limit_rows: LimitRows = 10_000,
    seed: Seed = 42,
    subset: Subset = None,
    split: Split = None,
    data_revision: DataRevision = None,
    streaming: Streaming = False,
    delimiter: Delimiter = None,
    unlabelled: Unlabelled = None,
) -> None:
    """Only its signature is used."""
