"""Texts without labels: one per line of a .txt file, or the text columns of a data set."""

from collections.abc import Sequence
from pathlib import Path
from typing import cast

from esm_client.core.disk import disk_errors
from esm_client.core.errors import InvalidDataset
from esm_client.lab.data.opening import open_table
from esm_client.lab.data.table import Table
from esm_client.lab.encoder import Text

USUAL = ("text", "sentence", "content")


def load_texts(
    data: str, *, text_columns: Sequence[str] = (), limit_rows: int = 1000
) -> list[Text]:
    """The first `limit_rows` texts that are not empty; pairs where two columns are named.

    Without named columns: the only one, or one of a usual name. Raises InvalidDataset.
    """
    if data.endswith(".txt"):
        texts = _lines(Path(data))
    else:
        texts = _cells(open_table(data, labelled=False), text_columns)
    found = [text for text in texts[: 10 * limit_rows] if all(_parts(text))][:limit_rows]
    if not found:
        raise InvalidDataset(f"{data} holds no texts.", "Name another file or column.")
    return found


def _lines(path: Path) -> list[Text]:
    with disk_errors(path, "Check the path."):
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    return [line.strip() for line in lines]


def _cells(table: Table, named: Sequence[str]) -> list[Text]:
    columns = list(named) or [name for name in USUAL if name in table.columns][:1]
    if not columns and len(table.columns) == 1:
        columns = [table.columns[0]]
    if not 1 <= len(columns) <= 2:
        raise InvalidDataset(
            f"Could not determine the text column of {table.name}; it has: "
            f"{', '.join(table.columns[:20])}.",
            "Name it with `text_columns`.",
            parameters=("text_columns",),
            columns=tuple(table.columns),
        )
    texts: list[Text] = []
    for block in table.blocks(columns):
        cells = [[str(cell or "").strip() for cell in block[name]] for name in columns]
        rows = zip(*cells, strict=True)
        texts += [row[0] if len(row) == 1 else cast("tuple[str, str]", row) for row in rows]
    return texts


def _parts(text: Text) -> tuple[str, ...]:
    return (text,) if isinstance(text, str) else tuple(text)
