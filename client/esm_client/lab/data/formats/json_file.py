"""JSON lines, a JSON array of objects, and question answering files in SQuAD's shape."""

import json
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, cast

from esm_client.core.errors import InvalidDataset
from esm_client.lab.data.formats.files import open_text, stem_of, suffix_of, whole_text
from esm_client.lab.data.table import Columns, Table, in_blocks

_PROBED_ROWS = 200
SQUAD_COLUMNS = ("question", "context", "answers")


def open_json(path: Path) -> Table:
    """A .jsonl, .ndjson or .json file; the latter may also hold one array or SQuAD's object.

    Lines are read as they come. Columns are those of the first 200 rows. Raises InvalidDataset.
    """
    if suffix_of(path) == ".json" and (document := _whole(path)) is not None:
        return _open_document(path, document)
    known: dict[str, None] = {}
    for row in islice(_lines(path), _PROBED_ROWS):
        known.update(dict.fromkeys(row))

    def read(names: Sequence[str]) -> Iterator[Columns]:
        return _cells(_lines(path), names)

    return Table(stem_of(path), tuple(known), read)


def _whole(path: Path) -> Any:
    """The file as one JSON document; None where it holds a line for each row."""
    with open_text(path) as file:
        first = file.readline()
        while first and not first.strip():
            first = file.readline()
        try:
            alone = json.loads(first)
        except (ValueError, RecursionError):
            alone = None
        if isinstance(alone, dict) and "data" not in alone:
            return None  # JSON lines
        try:
            return json.loads(first + file.read())
        except (ValueError, RecursionError):
            return None  # the reader of lines says where it breaks


def _open_document(path: Path, document: Any) -> Table:
    squad = isinstance(document, dict) and isinstance(
        cast("dict[str, Any]", document).get("data"), list
    )
    if squad:
        rows = list(_squad_rows(path, cast("dict[str, Any]", document)["data"]))
        kind = "question-answering"
    elif isinstance(document, list) and all(
        isinstance(row, dict) for row in cast("list[object]", document)
    ):
        rows, kind = cast("list[dict[str, Any]]", document), None
    else:
        raise InvalidDataset(
            f"{path.name} holds one JSON {type(cast('object', document)).__name__}, not rows.",
            "Write one JSON object per line, or an array of objects.",
        )
    names = tuple(dict.fromkeys(str(name) for row in rows for name in row))

    def read(wanted: Sequence[str]) -> Iterator[Columns]:
        return _cells(iter(rows), wanted)

    return Table(stem_of(path), names, read, kind=kind)


def _squad_rows(path: Path, articles: list[Any]) -> Iterator[dict[str, Any]]:
    """One row per question: articles hold paragraphs, these a context and its questions."""
    try:
        for article in articles:
            for paragraph in article["paragraphs"]:
                for question in paragraph["qas"]:
                    answers: list[Any] = question.get("answers") or []
                    yield {
                        "question": question["question"],
                        "context": paragraph["context"],
                        "answers": {
                            "text": [answer["text"] for answer in answers],
                            "answer_start": [answer["answer_start"] for answer in answers],
                        },
                    }
    except (KeyError, TypeError, AttributeError) as cause:
        raise InvalidDataset(
            f"{path.name} has a key 'data' but not the shape of SQuAD: {cause!r}.",
            "Write one JSON object per line with question, context and answers.",
        ) from cause


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    with open_text(path) as file:
        for number, line in enumerate(file, 1):
            if not line.strip():
                continue
            try:
                row: object = json.loads(line)
            except (ValueError, RecursionError):
                row = None
            if not isinstance(row, dict):
                raise InvalidDataset(
                    f"Line {number} of {path.name} is not a JSON object.",
                    "Write one JSON object per line.",
                )
            yield cast("dict[str, Any]", row)


def _cells(rows: Iterator[dict[str, Any]], names: Sequence[str]) -> Iterator[Columns]:
    return in_blocks(([whole_text(row.get(name)) for name in names] for row in rows), names)
