"""A ranking as the user holds it."""

from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING, overload

from esm_client.core.errors import MissingExtra, NotFound
from esm_client.core.schemas import RankedEsm, RankingReceipt, SkippedEsm
from esm_client.ranking.rows import (
    RIGHT,
    cells,
    columns,
    heading,
    how_to_get,
    legend,
    shield_notes,
    skipped_note,
)
from esm_client.ranking.shield import ShieldReport
from esm_client.ranking.table import align

if TYPE_CHECKING:
    import pandas as pd

SHOWN_ROWS = 20
LOCAL = "local-"
"""How the ids of rankings begin that were made without a server."""
_TASK = ("data_set", "subset", "label_column", "num_rows")


class Ranking(Sequence[RankedEsm]):
    """Source tasks for one target, best first: an immutable sequence of rows.

    A slice, like `top`, is a Ranking with the same receipt and fewer rows. Copies of the target,
    where the shield found any, are left out of the rows, and the others are ranked anew; the
    receipt holds all of them.
    """

    def __init__(
        self,
        receipt: RankingReceipt,
        rows: Sequence[RankedEsm] | None = None,
        shield: ShieldReport | None = None,
    ) -> None:
        self._receipt = receipt
        self._shield = shield
        self._rows = tuple(receipt.rows if rows is None else rows)

    @property
    def shield(self) -> ShieldReport | None:
        """Which sources hold rows of the target or of each other; None: nothing was compared."""
        return self._shield

    @property
    def left_out(self) -> tuple[RankedEsm, ...]:
        """Rows of the receipt that are copies of the target and were left out."""
        names = self._shield.left_out if self._shield else ()
        return tuple(row for row in self._receipt.rows if row.reference in names)

    @property
    def receipt(self) -> RankingReceipt:
        """Everything the server stored about it, with all rows."""
        return self._receipt

    @property
    def id(self) -> str:
        """Its name on the server: `Client.ranking(id)` gets it again."""
        return self._receipt.id

    @property
    def is_stored(self) -> bool:
        """Whether a server has it under this one id: not made here, nor of several spaces."""
        return not self.id.startswith(LOCAL) and "+" not in self.id

    @property
    def best(self) -> RankedEsm:
        """The first row; raises NotFound if no ESM could be scored."""
        if not self._rows:
            raise NotFound(
                f"The ranking {self.id} has no rows.",
                f"{len(self.skipped)} ESMs were skipped; `skipped` says why. {len(self.left_out)} "
                "copies of the target were left out; keep_copies=True ranks them.",
            )
        return self._rows[0]

    @property
    def identity_score(self) -> float:
        """The score of the base embeddings as they are, that is of no fine-tuning."""
        return self._receipt.identity_score

    @property
    def space_verified(self) -> bool:
        """Whether canary embeddings proved that the target is of the ranking's space."""
        return self._receipt.space_verified

    @property
    def skipped(self) -> tuple[SkippedEsm, ...]:
        """ESMs that could not be scored, and why."""
        return tuple(self._receipt.skipped)

    def top(self, k: int) -> "Ranking":
        """The first k rows."""
        return self[: max(k, 0)]

    def to_pandas(self) -> "pd.DataFrame":
        """One line per row, the task spread over columns; raises MissingExtra without pandas."""
        try:
            import pandas as pd
        except ImportError as cause:
            raise MissingExtra(
                "pandas is not installed.", "Install it with: pip install pandas"
            ) from cause
        columns = [
            "rank",
            "reference",
            *_TASK,
            "score",
            "gain",
            "log_bayes_factor",
            "tied",
            "digest",
        ]
        records = [row.model_dump() | row.task.model_dump() for row in self._rows]
        return pd.DataFrame(records, columns=columns)

    @overload
    def __getitem__(self, index: int) -> RankedEsm: ...
    @overload
    def __getitem__(self, index: slice) -> "Ranking": ...
    def __getitem__(self, index: int | slice) -> "RankedEsm | Ranking":
        if isinstance(index, slice):
            return Ranking(self._receipt, self._rows[index], self._shield)
        return self._rows[index]

    def __len__(self) -> int:
        return len(self._rows)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Ranking):
            return NotImplemented
        return self._receipt == other._receipt and self._rows == other._rows

    def __hash__(self) -> int:
        return hash((self.id, len(self)))

    def __repr__(self) -> str:
        names = columns(self._shield)
        rows = [cells(row, self._shield) for row in self._rows[:SHOWN_ROWS]]
        lines = align(names, rows, RIGHT)
        return "\n".join([heading(self._receipt), *lines, *self._notes()])

    def _repr_html_(self) -> str:
        names = columns(self._shield)
        header = "".join(f"<th{_aligned(name)}>{name}</th>" for name in names)
        body = "".join(
            "<tr>"
            + "".join(
                f"<td{_aligned(name)}>{escape(cell)}</td>"
                for name, cell in zip(names, cells(row, self._shield), strict=True)
            )
            + "</tr>"
            for row in self._rows[:SHOWN_ROWS]
        )
        notes = "<br>".join(escape(line) for line in self._notes())
        return (
            f"<p>{escape(heading(self._receipt))}</p>"
            f"<table><thead><tr>{header}</tr></thead><tbody>{body}</tbody></table>"
            f"<p><small>{notes}</small></p>"
        )

    def _notes(self) -> list[str]:
        hidden = len(self) - SHOWN_ROWS
        more = [f"… and {hidden} more rows"] if hidden > 0 else []
        best = [self._rows[0].reference, *how_to_get(self._rows[0])] if self._rows else []
        shield = shield_notes(self._shield, self.left_out)
        skipped = skipped_note(self._receipt)
        return [*more, legend(self._receipt), *shield, *skipped, " · ".join(best)]


def _aligned(name: str) -> str:
    return f' style="text-align: {"right" if name in RIGHT else "left"}"'
