"""Plain aligned text, for terminals, pipes and reprs alike."""

from collections.abc import Sequence
from html import escape

from rich.cells import cell_len


def printable(text: str) -> str:
    """Text from elsewhere without control characters, which could steer a terminal."""
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)


def align(
    columns: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[str] = ()
) -> list[str]:
    """Lines of a table with its header; columns named in `right` are aligned there."""
    cells = [list(columns), *([printable(cell) for cell in row] for row in rows)]
    widths = [max(map(cell_len, column)) for column in zip(*cells, strict=True)]
    return [
        "  ".join(
            _padded(cell, width, to_right=name in right)
            for cell, width, name in zip(row, widths, columns, strict=True)
        ).rstrip()
        for row in cells
    ]


def _padded(cell: str, width: int, *, to_right: bool) -> str:
    padding = " " * (width - cell_len(cell))
    return padding + cell if to_right else cell + padding


def html_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table for notebooks."""
    head = "".join(f"<th>{escape(name)}</th>" for name in columns)
    body = "".join(
        f"<tr>{''.join(f'<td>{escape(printable(cell))}</td>' for cell in row)}</tr>" for row in rows
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
