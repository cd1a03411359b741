"""What every ranking is to its user: rows, the best first, that show themselves as a table."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Self, TypeVar, overload

from esm_client.core.errors import MissingExtra, NotFound
from esm_client.ranking.cautions import cautions
from esm_client.ranking.rows import Named, Obtainable, how_to_get
from esm_client.ranking.shield import ShieldReport
from esm_client.ranking.table import Table

if TYPE_CHECKING:
    import pandas as pd

SHOWN_ROWS = 20
SHARE = "share"
"""The column of a data frame with the share of the target that a source holds; not known: None."""
Row = TypeVar("Row", bound=Obtainable)


class RankedRows(Sequence[Row], ABC):
    """Source tasks for one target, best first: an immutable sequence of rows.

    A slice, like `top`, is a ranking of the same kind with fewer rows and the same scores.
    """

    def __init__(self, rows: Iterable[Row]) -> None:
        self._rows = tuple(rows)

    @property
    @abstractmethod
    def heading(self) -> str:
        """What was ranked, in one line."""

    @property
    def _title(self) -> str:
        """What messages call it."""
        return "This ranking"

    @property
    @abstractmethod
    def shield(self) -> ShieldReport:
        """Which sources hold rows of the target or of each other, and whether that is known."""

    @property
    @abstractmethod
    def left_out(self) -> Sequence[Named]:
        """Copies of the target, which are not ranked."""

    @property
    @abstractmethod
    def notes(self) -> list[str]:
        """What the numbers mean and what the shield found, in a line each."""

    @property
    @abstractmethod
    def problems(self) -> list[str]:
        """What could not be used or scored, in a line each."""

    @property
    def cautions(self) -> list[str]:
        """What is not known of copies of the target, to be read before the rows are."""
        return cautions(self.shield, self._rows[:1])

    @property
    def doubts(self) -> list[str]:
        """Why the ranking as a whole may mean little, in a sentence each."""
        return []

    @abstractmethod
    def table(self, *, scores: bool = False) -> Table:
        """All rows as text; on request with scores where ranks are shown."""

    @abstractmethod
    def _records(self) -> list[dict[str, Any]]:
        """The rows of the data frame."""

    @abstractmethod
    def _frame_columns(self) -> list[str]:
        """The columns of the data frame."""

    @abstractmethod
    def _of(self, rows: Sequence[Row]) -> Self:
        """The same ranking with these rows."""

    @property
    def best(self) -> Row:
        """The first row; raises NotFound if no source could be ranked."""
        if not self._rows:
            copies = f"{len(self.left_out)} copies of the target were left out;"
            told = " ".join([*self.problems, copies, "`keep_copies=True` ranks them."])
            raise NotFound(f"{self._title} has no rows.", told)
        return self._rows[0]

    def top(self, k: int) -> Self:
        """The first k rows."""
        return self[: max(k, 0)]

    def to_pandas(self) -> "pd.DataFrame":
        """One line per row; raises MissingExtra without pandas."""
        try:
            import pandas as pd
        except ImportError as cause:
            raise MissingExtra(
                "pandas is not installed.", "Install it with: pip install pandas"
            ) from cause
        return pd.DataFrame(self._records(), columns=self._frame_columns())

    @overload
    def __getitem__(self, index: int) -> Row: ...
    @overload
    def __getitem__(self, index: slice) -> Self: ...
    def __getitem__(self, index: int | slice) -> Row | Self:
        return self._of(self._rows[index]) if isinstance(index, slice) else self._rows[index]

    def __len__(self) -> int:
        return len(self._rows)

    def __repr__(self) -> str:
        lines = self.top(SHOWN_ROWS).table().lines()
        return "\n".join([self.heading, *self.cautions, *lines, *self._footer()])

    def _repr_html_(self) -> str:
        return self.top(SHOWN_ROWS).table().html(self.heading, self._footer(), self.cautions)

    def _footer(self) -> list[str]:
        hidden = len(self) - SHOWN_ROWS
        more = [f"… and {hidden} more rows"] if hidden > 0 else []
        best = [" · ".join([row.reference, *how_to_get(row)]) for row in self._rows[:1]]
        return [*more, *self.notes, *self.problems, *best]
