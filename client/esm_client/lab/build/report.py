"""How a build went, data set by data set."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from esm_client.core.artifact.directory import EsmArtifact
from esm_client.core.schemas import FitReport
from esm_client.ranking.table import Table

Outcome = Literal["built", "kept", "worse", "duplicate", "failed", "ready"]
"""built now · kept from an earlier run · worse than the identity map · the same rows as another
data set · failed · ready to be built (nothing was)."""


@dataclass(frozen=True)
class BuildRow:
    """One data set for one base model.

    reason: why it failed, or which data set it duplicates. pushed: its reference on the server;
    push_error: why it has none. notes: how its columns were found and what was left out.
    """

    name: str
    space: str
    outcome: Outcome
    path: Path | None = None
    rows: int | None = None
    kind: str | None = None
    columns: Sequence[str] = ()
    fit: FitReport | None = None
    seconds: float | None = None
    reason: str = ""
    hint: str = ""
    notes: Sequence[str] = ()
    pushed: str | None = None
    push_error: str | None = None

    @property
    def told(self) -> str:
        """What the table says of it in words."""
        return self.reason or (f"not pushed: {self.push_error}" if self.push_error else "")

    def document(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "name": self.name,
            "space": self.space,
            "outcome": self.outcome,
            "path": str(self.path) if self.path else None,
            "rows": self.rows,
            "kind": self.kind,
            "columns": list(self.columns),
            "fit": self.fit.model_dump(mode="json") if self.fit else None,
            "seconds": self.seconds,
            "reason": self.reason,
            "hint": self.hint,
            "notes": list(self.notes),
            "pushed": self.pushed,
            "push_error": self.push_error,
        }


@dataclass(frozen=True)
class BuildReport:
    """All rows in the order of the plan, and the seconds of this run."""

    rows: Sequence[BuildRow]
    seconds: float

    COLUMNS = ("data set", "space", "outcome", "kind", "rows", "metric", "explained", "s", "")
    RIGHT = ("rows", "metric", "explained", "s")

    @property
    def counts(self) -> Counter[str]:
        """Rows by outcome."""
        return Counter(row.outcome for row in self.rows)

    @property
    def failed(self) -> bool:
        """Whether anything failed, or could not be pushed."""
        return any(row.outcome == "failed" or row.push_error for row in self.rows)

    def cells(self) -> list[list[str]]:
        """The table's cells, by COLUMNS."""
        return [_cells(row) for row in self.rows]

    def document(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "seconds": self.seconds,
            "counts": dict(self.counts),
            "esms": [row.document() for row in self.rows],
        }

    def _repr_html_(self) -> str:
        return Table(self.COLUMNS, self.cells(), self.RIGHT).html()

    def __str__(self) -> str:
        return "\n".join(Table(self.COLUMNS, self.cells(), self.RIGHT).lines())


def finished_row(row: BuildRow, folder: Path) -> BuildRow:
    """The row completed from the ESM that lies in a folder."""
    artifact = EsmArtifact.read(folder)
    fit, seconds = artifact.config.fit, artifact.provenance.get("seconds", {})
    worse = fit is not None and fit.held_out_mse >= fit.identity_mse
    return replace(
        row,
        outcome="worse" if worse else row.outcome,
        path=folder,
        fit=fit,
        seconds=round(sum(seconds.values()), 1),
        reason="It is worse than the identity map." if worse else "",
    )


def _cells(row: BuildRow) -> list[str]:
    fit = row.fit
    metric = fit.validation_metric if fit else None
    return [
        row.name,
        row.space,
        row.outcome,
        row.kind or "",
        "" if row.rows is None else str(row.rows),
        "" if metric is None else f"{metric:.3f}",
        f"{100 * fit.explained_share:.0f} %" if fit else "",
        "" if row.seconds is None else f"{row.seconds:.0f}",
        row.told,
    ]
