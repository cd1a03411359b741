"""A ranking by several methods, as the user holds it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from html import escape
from itertools import combinations
from typing import TYPE_CHECKING, overload

import numpy as np

from esm_client.core.errors import MissingExtra
from esm_client.core.schemas import SourceKind
from esm_client.lab.selection.ranking import MethodScores
from esm_client.ranking import method_rows as shown
from esm_client.ranking.shield import ShieldReport
from esm_client.ranking.source_pool import SourcePool
from esm_client.ranking.source_rows import (
    Agreement,
    MethodRow,
    agreement_of,
    methods_to_fuse,
    ordered_rows,
)
from esm_client.ranking.table import align

if TYPE_CHECKING:
    import pandas as pd

SHOWN_ROWS = 20


@dataclass(frozen=True)
class Subject:
    """What was ranked for what; problems: sources of which something cannot be used, and why."""

    space: str
    pool_size: int
    kind: SourceKind
    num_rows: int
    shield: ShieldReport
    left_out: Sequence[shown.Named]
    problems: Mapping[str, str]


class MethodRanking(Sequence[MethodRow]):
    """Sources ranked by one or several selection methods: an immutable sequence of rows.

    Best first by the fusion (reciprocal ranks; Cormack et al. 2009) of those methods that rank
    all sources, or else the most of them: `fused_methods`. For a single method that is its own
    order. Sources that these do not rank come last. A slice, like `top`, has fewer rows and the
    same scores. `scores` hold what each method said and what it cost.
    """

    def __init__(
        self, subject: Subject, scores: Mapping[str, MethodScores], rows: Sequence[MethodRow]
    ) -> None:
        self.subject = subject
        self.scores = scores
        self._rows = tuple(rows)

    @classmethod
    def of(
        cls, pool: SourcePool, kind: SourceKind, num_rows: int,
        scores: Mapping[str, MethodScores], problems: Mapping[str, str],
    ) -> "MethodRanking":  # fmt: skip
        """Order the sources of a pool, whose scores are in its order."""
        rows = ordered_rows(pool, scores)
        place = {row.reference: number for number, row in enumerate(rows)}
        groups = [sorted(group, key=place.__getitem__) for group in pool.shield.groups]
        groups.sort(key=lambda group: place[group[0]])
        report = replace(pool.shield, groups=groups)
        subject = Subject(pool.name, pool.size, kind, num_rows, report, pool.left_out, problems)
        return cls(subject, scores, rows)

    @property
    def methods(self) -> tuple[str, ...]:
        """Those that rank at least one source, as they were asked for."""
        return tuple(
            name for name, found in self.scores.items() if not np.isnan(found.scores).all()
        )

    @property
    def fused_methods(self) -> tuple[str, ...]:
        """Those whose ranks make the order of the rows."""
        return methods_to_fuse(self.scores)

    @cached_property
    def agreement(self) -> list[Agreement]:
        """Of each pair of methods."""
        return [
            agreement_of(self.scores[one], self.scores[other])
            for one, other in combinations(self.methods, 2)
        ]

    @property
    def reasons(self) -> dict[str, Mapping[str, str]]:
        """Why a method has no score for a source, by method and reference."""
        return {name: found.reasons for name, found in self.scores.items() if found.reasons}

    def top(self, k: int) -> "MethodRanking":
        """The first k rows."""
        return self[: max(k, 0)]

    def to_pandas(self) -> "pd.DataFrame":
        """One line per source, a rank and a score by method; MissingExtra without pandas."""
        try:
            import pandas as pd
        except ImportError as cause:
            raise MissingExtra(
                "pandas is not installed.", "Install it with: pip install pandas"
            ) from cause
        records = [
            {"rank": row.rank, "reference": row.reference, "data_set": row.task.data_set}
            | {f"{name} rank": row.by_method[name].rank for name in self.methods}
            | {f"{name} score": row.by_method[name].score for name in self.methods}
            | {"fused": row.fused, "digest": row.digest}
            for row in self._rows
        ]
        return pd.DataFrame(records)

    @overload
    def __getitem__(self, index: int) -> MethodRow: ...
    @overload
    def __getitem__(self, index: slice) -> "MethodRanking": ...
    def __getitem__(self, index: int | slice) -> "MethodRow | MethodRanking":
        if isinstance(index, slice):
            return MethodRanking(self.subject, self.scores, self._rows[index])
        return self._rows[index]

    def __len__(self) -> int:
        return len(self._rows)

    def __repr__(self) -> str:
        cells = [shown.cells(self, row) for row in self._rows[:SHOWN_ROWS]]
        table = align(shown.columns(self), cells, shown.right(self))
        return "\n".join([shown.heading(self), *table, *self._notes()])

    def _repr_html_(self) -> str:
        names, right = shown.columns(self), shown.right(self)
        style = {
            name: f' style="text-align: {"right" if name in right else "left"}"' for name in names
        }
        header = "".join(f"<th{style[name]}>{name}</th>" for name in names)
        body = ""
        for row in self._rows[:SHOWN_ROWS]:
            pairs = zip(names, shown.cells(self, row), strict=True)
            cells = "".join(f"<td{style[name]}>{escape(cell)}</td>" for name, cell in pairs)
            body += f"<tr>{cells}</tr>"
        notes = "<br>".join(escape(line) for line in self._notes())
        return (
            f"<p>{escape(shown.heading(self))}</p>"
            f"<table><thead><tr>{header}</tr></thead><tbody>{body}</tbody></table>"
            f"<p><small>{notes}</small></p>"
        )

    def _notes(self) -> list[str]:
        hidden = len(self) - SHOWN_ROWS
        more = [f"… and {hidden} more rows"] if hidden > 0 else []
        return [*more, *shown.notes(self), *shown.problems(self)]
