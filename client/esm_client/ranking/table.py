"""Tables of text: aligned for terminals, pipes and reprs, as HTML for notebooks."""

from collections.abc import Sequence
from html import escape
from typing import NamedTuple

from rich.cells import cell_len


def printable(text: str) -> str:
    """Text from elsewhere without control characters, which could steer a terminal."""
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)


class Table(NamedTuple):
    """Cells of text; columns named in `right` are aligned there."""

    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    right: Sequence[str] = ()

    def lines(self) -> list[str]:
        """Its lines with the header, aligned."""
        cells = [list(self.columns), *([printable(cell) for cell in row] for row in self.rows)]
        widths = [max(map(cell_len, column)) for column in zip(*cells, strict=True)]
        return [
            "  ".join(
                _padded(cell, width, to_right=name in self.right)
                for cell, width, name in zip(row, widths, self.columns, strict=True)
            ).rstrip()
            for row in cells
        ]

    def html(
        self, heading: str = "", notes: Sequence[str] = (), cautions: Sequence[str] = ()
    ) -> str:
        """The same as HTML: a heading and cautions above, notes below, if there are any."""
        sides = ["right" if name in self.right else "left" for name in self.columns]
        header = _row("th", self.columns, sides)
        body = "".join(_row("td", row, sides) for row in self.rows)
        above = f"<p>{escape(heading)}</p>" if heading else ""
        above += "".join(f"<p><b>{escape(told)}</b></p>" for told in cautions)
        below = f"<p><small>{'<br>'.join(map(escape, notes))}</small></p>" if notes else ""
        return f"{above}<table><thead>{header}</thead><tbody>{body}</tbody></table>{below}"


def _row(tag: str, cells: Sequence[str], sides: Sequence[str]) -> str:
    inner = "".join(
        f'<{tag} style="text-align: {side}">{escape(printable(cell))}</{tag}>'
        for cell, side in zip(cells, sides, strict=True)
    )
    return f"<tr>{inner}</tr>"


def _padded(cell: str, width: int, *, to_right: bool) -> str:
    padding = " " * (width - cell_len(cell))
    return padding + cell if to_right else cell + padding
