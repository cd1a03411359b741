"""A ranking as the user holds it."""

from collections.abc import Sequence
from typing import Any, Self

from esm_client.core.schemas import RankedEsm, RankingReceipt, SkippedEsm
from esm_client.ranking.ranked_rows import SHARE, RankedRows
from esm_client.ranking.rows import (
    RIGHT,
    cells,
    columns,
    heading,
    legend,
    shield_notes,
    skipped_note,
)
from esm_client.ranking.shield import ShieldReport
from esm_client.ranking.table import Table

LOCAL = "local-"
"""How the ids of rankings begin that were made without a server."""
_TASK = ("data_set", "subset", "label_column", "num_rows")


class Ranking(RankedRows[RankedEsm]):
    """Source tasks for one target, best first: an immutable sequence of rows.

    A slice, like `top`, is a Ranking with the same receipt and fewer rows. Copies of the target,
    where the shield found any, are left out of the rows, and the others are ranked anew; the
    receipt holds all of them. `shield.state` says whether anybody looked.
    """

    def __init__(
        self,
        receipt: RankingReceipt,
        rows: Sequence[RankedEsm] | None = None,
        shield: ShieldReport | None = None,
    ) -> None:
        super().__init__(receipt.rows if rows is None else rows)
        self._receipt = receipt
        self._shield = shield or ShieldReport.unknown(receipt.rows)

    @property
    def shield(self) -> ShieldReport:
        """Which sources hold rows of the target or of each other, and whether that is known."""
        return self._shield

    @property
    def left_out(self) -> tuple[RankedEsm, ...]:
        """Rows of the receipt that are copies of the target and were left out."""
        names = set(self._shield.left_out)
        return tuple(row for row in self._receipt.rows if row.reference in names)

    @property
    def sure_ranks(self) -> dict[str, int]:
        """Ranks by reference, down to the first row of which nobody can tell.

        That one may be a copy of the target, without which all below it would stand higher.
        """
        ranks: dict[str, int] = {}
        for row in self:
            if self._shield.share_of(row.reference) is None:
                break
            ranks[row.reference] = row.rank
        return ranks

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
    def _title(self) -> str:
        return f"The ranking {self.id}"

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

    @property
    def heading(self) -> str:
        """What was ranked, in one line."""
        return heading(self._receipt)

    @property
    def notes(self) -> list[str]:
        """What the numbers mean and what the shield found, in a line each."""
        return [legend(self._receipt), *shield_notes(self._shield, self.left_out)]

    @property
    def problems(self) -> list[str]:
        """How many ESMs could not be scored, and why the first could not, in one line if any."""
        return skipped_note(self._receipt)

    @property
    def doubts(self) -> list[str]:
        """Why the ranking as a whole may mean little, in a sentence each."""
        found: list[str] = []
        if not self.space_verified:
            found.append(
                "nobody could verify that these embeddings are of the space "
                f"{self._receipt.space}; if they are not, the scores mean nothing."
            )
        if len(self) and max(row.gain for row in self) <= 0:
            found.append(
                "no source task scores above the base model as it is; fine-tuning on one of them "
                "first is not expected to help."
            )
        return found

    def table(self, *, scores: bool = True) -> Table:  # noqa: ARG002 - it always shows them
        """All rows as text."""
        rows = [cells(row, self._shield) for row in self._rows]
        return Table(columns(self._shield), rows, RIGHT)

    def _records(self) -> list[dict[str, Any]]:
        return [
            row.model_dump() | row.task.model_dump() | {SHARE: self._shield.share_of(row.reference)}
            for row in self._rows
        ]

    def _frame_columns(self) -> list[str]:
        numbers = ("score", "gain", "log_bayes_factor", "tied", "digest")
        return ["rank", "reference", *_TASK, *numbers, SHARE]

    def _of(self, rows: Sequence[RankedEsm]) -> Self:
        return type(self)(self._receipt, rows, self._shield)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Ranking):
            return NotImplemented
        return self._receipt == other._receipt and self._rows == other._rows

    def __hash__(self) -> int:
        return hash((self.id, len(self)))
