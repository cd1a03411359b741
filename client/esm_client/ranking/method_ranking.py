"""A ranking by several methods, as the user holds it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import combinations
from typing import Any, Self

import numpy as np

from esm_client.core.schemas import SourceKind
from esm_client.ranking import method_rows as shown
from esm_client.ranking.method_scores import MethodScores
from esm_client.ranking.ranked_rows import SHARE, RankedRows
from esm_client.ranking.shield import ShieldReport
from esm_client.ranking.source_pool import SourcePool
from esm_client.ranking.source_rows import (
    Agreement,
    MethodRow,
    agreement_of,
    methods_to_fuse,
    ordered_rows,
)
from esm_client.ranking.table import Table


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


class MethodRanking(RankedRows[MethodRow]):
    """Sources ranked by one or several selection methods: an immutable sequence of rows.

    Best first by the fusion (reciprocal ranks; Cormack et al. 2009) of those methods that rank
    all sources, or else the most of them: `fused_methods`. For a single method that is its own
    order. Sources that these do not rank come last. A slice, like `top`, has fewer rows and the
    same scores. `scores` hold what each method said and what it cost.
    """

    def __init__(
        self, subject: Subject, scores: Mapping[str, MethodScores], rows: Sequence[MethodRow]
    ) -> None:
        super().__init__(rows)
        self.subject = subject
        self.scores = scores

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

    @property
    def heading(self) -> str:
        """What was ranked, in one line."""
        return shown.heading(self)

    @property
    def shield(self) -> ShieldReport:
        """Which sources hold rows of the target or of each other, and whether that is known."""
        return self.subject.shield

    @property
    def left_out(self) -> Sequence[shown.Named]:
        """Copies of the target, which are not ranked."""
        return self.subject.left_out

    @property
    def notes(self) -> list[str]:
        """What the ranks mean, how far methods agree, what the shield found, in a line each."""
        return shown.notes(self)

    @property
    def problems(self) -> list[str]:
        """Sources of which something cannot be used, in a line each."""
        return [f"{name}: {problem}" for name, problem in self.subject.problems.items()]

    def table(self, *, scores: bool = False) -> Table:
        """All rows as text: ranks by method, and on request scores."""
        rows = [shown.cells(self, row, scores=scores) for row in self._rows]
        return Table(shown.columns(self), rows, shown.right(self))

    def _records(self) -> list[dict[str, Any]]:
        return [
            {"rank": row.rank, "reference": row.reference, "data_set": row.task.data_set}
            | {f"{name} rank": row.by_method[name].rank for name in self.methods}
            | {f"{name} score": row.by_method[name].score for name in self.methods}
            | {"fused": row.fused, "digest": row.digest}
            | {SHARE: self.shield.share_of(row.reference)}
            for row in self._rows
        ]

    def _frame_columns(self) -> list[str]:
        by_method = [f"{name} {what}" for what in ("rank", "score") for name in self.methods]
        return ["rank", "reference", "data_set", *by_method, "fused", "digest", SHARE]

    def _of(self, rows: Sequence[MethodRow]) -> Self:
        return type(self)(self.subject, self.scores, rows)
