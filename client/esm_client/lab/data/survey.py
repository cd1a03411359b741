"""A first look at a table: columns, split, and the label that stands for none."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from esm_client.core.errors import InvalidDataset
from esm_client.lab.data.columns import names
from esm_client.lab.data.columns.choice import ColumnChoice
from esm_client.lab.data.columns.detect import detect_columns
from esm_client.lab.data.columns.facts import is_missing
from esm_client.lab.data.draw import draw_rows
from esm_client.lab.data.opening import open_table
from esm_client.lab.data.options import DataOptions
from esm_client.lab.data.table import STREAMED_ROWS, Columns, Table, check_names

SURVEYED_ROWS, SURVEYED_OF_STREAMS, SAMPLED_ROWS = 50_000, 2_000, 1_000
"""Rows that are looked through at most, and how many of them are looked at."""


@dataclass(frozen=True)
class Survey:
    """What is known of a table before its rows are drawn.

    split, split_column: where a column of the table says which split a row is of.
    unlabelled: the label that stands for none; None if there is no such.
    """

    choice: ColumnChoice
    split: str | None = None
    split_column: tuple[str, ...] = ()
    unlabelled: Any = None
    notes: tuple[str, ...] = ()

    def is_unlabelled(self, value: Any) -> bool:
        """Whether the value is the one that stands for no label."""
        return self.unlabelled is not None and str(value).strip() == str(self.unlabelled)


def survey_table(
    table: Table,
    *,
    text_columns: Sequence[str] = (),
    label_column: str | None = None,
    split: str | None = None,
    unlabelled: Any = None,
) -> Survey:
    """Look at a sample of the rows; raises InvalidDataset for a split that is not there."""
    sample = _sample(table)
    if not any(sample.values()):
        raise InvalidDataset(f"{table.name} has no rows.", "Check how it was written.")
    column, wanted, note = _split_of(table, sample, split)
    if column is not None:
        rows = [row for row, value in enumerate(sample[column]) if str(value).strip() == wanted]
        sample = {name: [values[row] for row in rows] for name, values in sample.items()}
    looked_at = {name: values for name, values in sample.items() if name != column}
    choice = detect_columns(
        looked_at, table.classes, text_columns=text_columns, label_column=label_column
    )
    if table.kind is not None:
        choice = replace(choice, kind=table.kind)
    notes = [note] if note else []
    if table.streamed:
        notes.append(f"At most the first {STREAMED_ROWS} rows of the stream are read.")
    if unlabelled is None and choice.label_column in sample:
        unlabelled, said = _minus_one(sample[choice.label_column])
        notes += [said] if said else []
    return Survey(choice, wanted, (column,) if column else (), unlabelled, tuple(notes))


def survey_data(data: Any, options: DataOptions) -> tuple[Table, Survey]:
    """Open a data set and look at a sample of it; raises what `open_table` raises."""
    table = open_table(
        data, subset=options.subset, split=options.split, revision=options.data_revision,
        streaming=options.streaming, delimiter=options.delimiter,
    )  # fmt: skip
    named, label = options.text_columns, options.label_column
    check_names(table.name, [*named, *([label] if label else [])], table.columns)
    survey = survey_table(
        table, text_columns=named, label_column=label, split=options.split,
        unlabelled=options.unlabelled,
    )  # fmt: skip
    return table, survey


def _sample(table: Table) -> Columns:
    """Rows drawn from the first ones: files are often sorted by label, or alternate."""
    enough = SURVEYED_OF_STREAMS if table.streamed else SURVEYED_ROWS

    def first_blocks() -> Iterator[Columns]:
        seen = 0
        for block in table.blocks(table.columns):
            yield block
            seen += len(block[table.columns[0]])
            if seen >= enough:
                return

    names = table.columns
    drawn = draw_rows(
        first_blocks(), names, texts=len(names), limit=SAMPLED_ROWS, seed=0,
        reason_against=lambda _: None,
    )  # fmt: skip
    return {name: [row[place] for row in drawn.rows] for place, name in enumerate(names)}


def _split_of(
    table: Table, sample: Columns, wanted: str | None
) -> tuple[str | None, str | None, str | None]:
    """The column of splits, the split to take, and a note; None without such a column."""
    for name in table.columns:
        values = {str(value).strip() for value in sample[name] if not is_missing(value)}
        known = {value.lower() for value in values} <= names.SPLITS
        if names.plain(name) in names.SPLIT_COLUMNS and values and known:
            if wanted is not None and wanted not in values:
                raise InvalidDataset(
                    f"Column {name!r} of {table.name} has no split {wanted!r}; it has: "
                    f"{', '.join(sorted(values))}.",
                    "Name one of them as `split`.",
                    parameters=("split",),
                )
            train = next((v for v in sorted(values) if v.lower().startswith("train")), None)
            chosen = wanted or train or max(values, key=[*map(str, sample[name])].count)
            return name, chosen, f"Of column {name!r} the rows {chosen!r} are taken."
    if wanted is not None and table.split is None:
        raise InvalidDataset(
            f"{table.name} is one file and has no splits.",
            "Leave `split` out.",
            parameters=("split",),
        )
    return None, None, None


def _minus_one(values: Sequence[Any]) -> tuple[str | None, str | None]:
    """Whether -1 stands for no label: other labels count up from 0, and there are three or more."""
    found = {str(value).strip() for value in values if not is_missing(value)}
    others = found - {"-1", "-1.0"}
    if len(others) == len(found) or not all(other.isdigit() for other in others):
        return None, None
    counted = {str(number) for number in range(len(others))} == others
    minus = next(iter(found - others))
    if not others or (counted and len(others) > 2):
        return minus, "The label -1 is taken for none."
    if others == {"0", "1"}:
        return None, "The labels -1, 0 and 1 are taken for three classes."
    return None, None
