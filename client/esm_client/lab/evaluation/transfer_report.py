"""What came of several source tasks for one target."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev
from typing import Any

from esm_client.ranking.table import Table

COLUMNS = ("source", "rank", "performance", "gain", "seconds", "model")
RIGHT = ("rank", "performance", "gain", "seconds")
NO_SOURCE, IN_SEQUENCE = "no intermediate task", "in sequence"


@dataclass(frozen=True)
class TransferRow:
    """One source task, or one after the other, or none: the baseline.

    names: of the source tasks in the order they were fine-tuned on. rank: in the ranking.
    place: where the model came from. performances: by seed; none where `reason` says why.
    seconds: of all fine-tunings on the target. source_seconds: of getting the model before.
    """

    names: tuple[str, ...]
    key: str = ""
    rank: int | None = None
    place: str = ""
    performances: Mapping[int, float] | None = None
    seconds: float = 0.0
    source_seconds: float = 0.0
    reason: str = ""
    note: str = ""

    @property
    def name(self) -> str:
        """All its source tasks."""
        return " > ".join(self.names) or NO_SOURCE

    @property
    def title(self) -> str:
        """What it is called in tables, which long names would not fit into."""
        return IN_SEQUENCE if len(self.names) > 1 else self.name

    @property
    def is_tried(self) -> bool:
        """Whether there are results of it."""
        return bool(self.performances)

    @property
    def mean(self) -> float:
        """Mean performance over the seeds; only where it was tried."""
        return fmean((self.performances or {}).values())

    @property
    def spread(self) -> float | None:
        """Standard deviation over the seeds; None for one seed."""
        values = [*(self.performances or {}).values()]
        return stdev(values) if len(values) > 1 else None

    @property
    def best_seed(self) -> int:
        """The seed that did best, the first of equal ones."""
        values = self.performances or {}
        return max(values, key=values.__getitem__)


@dataclass(frozen=True)
class TransferReport:
    """rows: the baseline first, then the source tasks by rank, then the chain, if there is one."""

    rows: Sequence[TransferRow]
    metric_name: str

    @property
    def baseline(self) -> TransferRow:
        """Without an intermediate task."""
        return self.rows[0]

    @property
    def best(self) -> TransferRow:
        """The highest mean; of equal ones the first, so that less work is preferred."""
        return max((row for row in self.rows if row.is_tried), key=lambda row: row.mean)

    @property
    def sorted_rows(self) -> list[TransferRow]:
        """The best first; what could not be tried last."""
        tried = [row for row in self.rows if row.is_tried]
        return sorted(tried, key=lambda row: -row.mean) + self.failed

    @property
    def failed(self) -> list[TransferRow]:
        """What could not be tried."""
        return [row for row in self.rows if not row.is_tried]

    def gain(self, row: TransferRow) -> float:
        """Mean performance over that of no intermediate task."""
        return row.mean - self.baseline.mean

    def cells(self, row: TransferRow) -> tuple[str, ...]:
        """One row of the table."""
        rank = "" if row.rank is None else str(row.rank)
        if not row.is_tried:
            return row.title, rank, "-", "-", "-", "not tried"
        spread = "" if row.spread is None else f" ± {row.spread:.4f}"
        gain = "" if row is self.baseline else f"{self.gain(row):+.4f}"
        seconds = f"{row.seconds + row.source_seconds:.1f}"
        return row.title, rank, f"{row.mean:.4f}{spread}", gain, seconds, row.place

    def __str__(self) -> str:
        return "\n".join(Table(COLUMNS, self._table, RIGHT).lines())

    def _repr_html_(self) -> str:
        return Table(COLUMNS, self._table, RIGHT).html()

    @property
    def _table(self) -> list[tuple[str, ...]]:
        return [self.cells(row) for row in self.sorted_rows]

    def document(self) -> dict[str, Any]:
        """Everything, for JSON."""
        rows = [self._entry(row) for row in self.sorted_rows]
        best = {"sources": list(self.best.names), "seed": self.best.best_seed}
        return {"metric_name": self.metric_name, "best": best, "results": rows}

    def _entry(self, row: TransferRow) -> dict[str, Any]:
        told: dict[str, Any] = {"sources": list(row.names), "rank": row.rank}
        if not row.is_tried:
            return {**told, "reason": row.reason}
        return {
            **told,
            "performance": row.mean,
            "spread": row.spread,
            "gain": self.gain(row),
            "by_seed": {str(seed): value for seed, value in (row.performances or {}).items()},
            "seconds": round(row.seconds, 3),
            "source_seconds": round(row.source_seconds, 3),
            "model": row.place,
            "note": row.note,
        }
