"""`load_task`: a labelled data set from wherever it lies."""

import json
import warnings
from collections.abc import Sequence
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from esm_client.core.errors import InvalidDataset, InvalidInput, InvalidLabels
from esm_client.core.schemas import SourceKind, SourceTask
from esm_client.core.warnings import EsmWarning
from esm_client.lab.data.columns.choice import ColumnChoice
from esm_client.lab.data.columns.facts import is_missing
from esm_client.lab.data.columns.structured import is_answer
from esm_client.lab.data.draw import DrawnRows, Row, digest_rows, draw_rows
from esm_client.lab.data.labels import check_varied, read_labels
from esm_client.lab.data.options import DataOptions
from esm_client.lab.data.spans import read_answers, read_tags
from esm_client.lab.data.survey import Survey, survey_data
from esm_client.lab.data.table import Table
from esm_client.lab.data.task import TextTask
from esm_client.lab.encoder import Text

EMPTY_TEXT, NO_LABEL, OTHER_SPLIT = "an empty text", "no label", "another split"


def load_task(
    data: Any,
    *,
    text_columns: str | Sequence[str] = (),
    label_column: str | None = None,
    kind: SourceKind | None = None,
    limit_rows: int | None = None,
    seed: int = 42,
    subset: str | None = None,
    split: str | None = None,
    revision: str | None = None,
    streaming: bool = False,
    delimiter: str | None = None,
    unlabelled: Any = None,
    accept_doubts: bool = False,
    name: str | None = None,
    language: str | None = None,
) -> TextTask:
    """Read texts and labels; nothing is copied to a cache.

    Args:
        data: what `open_table` opens: a data file, a saved data set, a hub id, a DataFrame ...
        text_columns: one column, or two for pairs; detected where there are none.
        label_column: class names where the data has them; otherwise words or numbers; lists of
            tags; answers in SQuAD's shape. Detected where it is None.
        kind: None for what the columns tell, else regression where labels have fractions, else
            classification.
        limit_rows: at most so many rows, drawn with `seed` and kept in their order.
        split: of what has several, or the value of a column of that name; train unless said.
        unlabelled: a label that stands for none; -1 is one where class names are known, and
            where the other labels count from 0 to at least 2.
        accept_doubts: use detected columns even where that is not certain.
        name: what to call the data set; by default the file's name, never its path.
        language: for the record.

    Rows with an empty text or no label are left out, counted in `dropped_rows` and warned of.

    Raises:
        InvalidDataset: a path, format, column or text that cannot be used, and columns that
            could not be determined with certainty.
        InvalidLabels: no labels at all, one class only, or labels of an uncertain kind.
    """
    options = DataOptions.of(
        {"data_revision": "revision"}, text_columns=text_columns, label_column=label_column,
        kind=kind, limit_rows=limit_rows, seed=seed, subset=subset, split=split,
        data_revision=revision, streaming=streaming, delimiter=delimiter,
        unlabelled=None if unlabelled is None else str(unlabelled), accept_doubts=accept_doubts,
        language=language,
    )  # fmt: skip
    return read_task(data, options, name=name)


def read_task(data: Any, options: DataOptions, *, name: str | None = None) -> TextTask:
    """`load_task`, with its arguments in one object."""
    _check_named(options.text_columns, options.label_column)
    table, survey = survey_data(data, options)
    choice = _checked(survey.choice, table.name, accept_doubts=options.accept_doubts)
    drawn = _draw(table, survey, choice, options.limit_rows, options.seed)
    found = options.kind or table.kind or choice.kind
    texts, labels, found = _read(drawn.rows, choice, found)
    label = cast("str", choice.label_column)
    sampled = drawn.usable > len(drawn.rows)
    dropped = drawn.left_out[EMPTY_TEXT] + drawn.left_out[NO_LABEL]
    return TextTask(
        texts=texts,
        labels=labels,
        kind=found,
        dropped_rows=dropped,
        notes=(*choice.reasons, *choice.doubts, *survey.notes),
        source_task=SourceTask(
            data_set=name or table.name,
            subset=table.subset,
            text_columns=choice.text_columns,
            label_column=label,
            split=survey.split or table.split,
            num_rows=len(texts),
            seed=options.seed if sampled else None,
            language=options.language,
            kind=found,
            num_labels=_count(labels, found),
            rows_digest=digest_rows(
                (*((text,) if isinstance(text, str) else text), label)
                for text, label in zip(texts, labels.tolist(), strict=True)
            ),
        ),
    )


def _check_named(columns: tuple[str, ...], label_column: str | None) -> None:
    if len(columns) > 2:
        raise InvalidDataset(
            f"{len(columns)} text columns were named.",
            "Name one, or two for pairs of texts.",
            parameters=("text_columns",),
        )
    if label_column in columns:
        raise InvalidDataset(
            f"Column {label_column!r} is named as text and as label.",
            "Name another one.",
            parameters=("label_column",),
        )


def _checked(choice: ColumnChoice, name: str, *, accept_doubts: bool) -> ColumnChoice:
    if choice.certain or (accept_doubts and choice.text_columns and choice.label_column):
        return choice
    guess = ""
    if choice.text_columns and choice.label_column:
        texts = ", ".join(json.dumps(column, ensure_ascii=False) for column in choice.text_columns)
        label = json.dumps(choice.label_column, ensure_ascii=False)
        guess = f"`text_columns=[{texts}], label_column={label}`"
    raise InvalidDataset(
        f"Could not determine the text and label columns of {name}. {' '.join(choice.doubts)}",
        f"If this is right, say so: {guess}"
        if guess
        else "Name them with `text_columns` and `label_column`.",
        parameters=("text_columns", "label_column"),
        text_columns=choice.text_columns,
        label_column=choice.label_column,
    )


def _draw(
    table: Table, survey: Survey, choice: ColumnChoice, limit: int | None, seed: int
) -> DrawnRows:
    """Draw usable rows (texts, then the label); warn of what was left out."""
    label, texts = cast("str", choice.label_column), choice.text_columns
    names = list(dict.fromkeys([*texts, label, *survey.split_column]))

    def reason_against(row: Row) -> str | None:
        if survey.split_column and str(row[-1]).strip() != survey.split:
            return OTHER_SPLIT
        for column, text in zip(texts, row, strict=False):
            if text is None or (isinstance(text, str) and not text.strip()) or text == []:
                return EMPTY_TEXT
            if not isinstance(text, str | list):
                raise InvalidDataset(
                    f"Column {column!r} of {table.name} holds no text: a row of it is "
                    f"{str(text)[:40]!r} of type {type(text).__name__}.",
                    "Name a column of texts.",
                )
        value = row[len(texts)]
        return NO_LABEL if is_missing(value) or survey.is_unlabelled(value) else None

    drawn = draw_rows(
        table.blocks(names), names, texts=len(texts), limit=limit, seed=seed,
        reason_against=reason_against,
    )  # fmt: skip
    total = drawn.usable + drawn.left_out.total()
    if not drawn.rows:
        raise _nothing_usable(table, choice, drawn, total)
    for reason in (EMPTY_TEXT, NO_LABEL):
        if count := drawn.left_out[reason]:
            warnings.warn(
                f"{count} of {total} rows of {table.name} have {reason} and were left out.",
                EsmWarning,
                stacklevel=4,
            )
    return drawn


def _nothing_usable(
    table: Table, choice: ColumnChoice, drawn: DrawnRows, total: int
) -> InvalidInput:
    if not total:
        return InvalidDataset(f"{table.name} has no rows.", "Check how it was written.")
    reason, _ = drawn.left_out.most_common(1)[0]
    if reason == NO_LABEL:
        return InvalidLabels(
            f"All labels in column {choice.label_column!r} of {table.name} are missing.",
            "Choose another `label_column`, or another `split`.",
            parameters=("label_column", "split"),
        )
    if reason == EMPTY_TEXT:
        return InvalidDataset(
            f"Every text of column {choice.text_columns[0]!r} is empty.",
            "Name another one.",
            parameters=("text_columns",),
        )
    return InvalidDataset(
        f"No row of {table.name} is of the wanted split.",
        "Name another `split`.",
        parameters=("split",),
    )


def _read(
    rows: list[Row], choice: ColumnChoice, kind: SourceKind | None
) -> tuple[list[Text], NDArray[Any], SourceKind]:
    label, width = cast("str", choice.label_column), len(choice.text_columns)
    values = [row[width] for row in rows]
    if kind == "sequence-labelling" or (kind is None and isinstance(values[0], list)):
        texts, tags = read_tags([row[0] for row in rows], values, label)
        return cast("list[Text]", texts), tags, "sequence-labelling"
    texts = [row[0] if width == 1 else (row[0], row[1]) for row in rows]
    if kind is None and is_answer(values[0]):
        kind = "question-answering"
    if kind == "question-answering":
        if width != 2:
            raise InvalidDataset(
                "Question answering needs two text columns.", "Name question and context."
            )
        return texts, read_answers([row[1] for row in rows], values, label), kind
    labels, found = read_labels(values, label, kind)
    check_varied(labels.tolist(), label)
    return texts, labels, found


def _count(labels: NDArray[Any], kind: SourceKind) -> int:
    """How many outputs a head for these labels has."""
    if kind == "classification":
        return len(np.unique(labels))
    if kind == "sequence-labelling":
        return len({tag for row in labels for tag in row})
    return 2 if kind == "question-answering" else 1
