"""How a ranking by methods reads, wherever it is shown."""

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from esm_client.ranking.rows import (
    GROUP,
    SHARES,
    Named,
    group_name,
    percent,
    shield_notes,
    task_name,
)

if TYPE_CHECKING:
    from esm_client.ranking.method_ranking import MethodRanking
    from esm_client.ranking.source_rows import MethodRow

__all__ = ["Named", "cells", "columns", "heading", "notes", "right"]

FUSED = "fused"
PAIRS_TOLD = 3
"""Methods up to which the agreement of each pair is told."""


def columns(ranking: "MethodRanking") -> tuple[str, ...]:
    """The names of the columns; those of fusion and shield only where they say something."""
    shield = ranking.subject.shield
    return (
        "reference",
        "task",
        *ranking.methods,
        *([FUSED] if len(ranking.scores) > 1 else []),
        *([SHARES] if shield.overlaps else []),
        *([GROUP] if shield.groups else []),
    )


def right(ranking: "MethodRanking") -> tuple[str, ...]:
    """Columns of numbers."""
    return (*ranking.methods, FUSED, SHARES)


def cells(ranking: "MethodRanking", row: "MethodRow", *, scores: bool = False) -> tuple[str, ...]:
    """The cells of one row, in the order of `columns`; ranks, and on request scores."""
    shield = ranking.subject.shield
    found, number = shield.overlaps.get(row.reference), shield.group_of(row.reference)
    extra = {
        FUSED: "" if row.rank is None else f"{row.rank:g}",
        SHARES: "" if found is None else percent(found),
        GROUP: "" if number is None else group_name(number),
    }
    by_method = [_cell(row, name, scores=scores) for name in ranking.methods]
    rest = columns(ranking)[2 + len(by_method) :]
    return (row.reference, task_name(row.task), *by_method, *(extra[name] for name in rest))


def _cell(row: "MethodRow", method: str, *, scores: bool) -> str:
    cell = row.by_method[method]
    if cell.rank is None:
        return ""
    return f"{cell.rank:g} ({cell.score:.4g})" if scores else f"{cell.rank:g}"


def heading(ranking: "MethodRanking") -> str:
    """What was ranked, in one line."""
    subject, count = ranking.subject, len(ranking.scores)
    by = f"{count} methods" if count > 1 else next(iter(ranking.scores))
    return (
        f"{subject.pool_size} ESMs of {subject.space} for {subject.num_rows} rows "
        f"({subject.kind}), by {by}"
    )


def notes(ranking: "MethodRanking") -> list[str]:
    """What the ranks mean, how far the methods agree and what they could not rank."""
    shield = shield_notes(ranking.subject.shield, ranking.subject.left_out)
    return [*_fused(ranking), *_agreement(ranking), *_not_ranked(ranking), *shield]


def _fused(ranking: "MethodRanking") -> list[str]:
    """What the fusion is made of; nothing for a single method, which needs none."""
    if len(ranking.scores) < 2:
        return []
    methods = ranking.fused_methods
    others = [name for name in ranking.methods if name not in methods]
    if len(methods) == 1:
        told = f"{FUSED}: as {methods[0]} ranks"
    else:
        over = ", ".join(methods) if others else "the methods"
        told = f"{FUSED}: rank by the sum of 1/(60 + rank) over {over}; equal ones share one"
    out = f" Left out, for ranking fewer sources: {', '.join(others)}." if others else ""
    return [f"{told}.{out}"]


def _agreement(ranking: "MethodRanking") -> list[str]:
    """Of each pair, in a line; of many methods the mean with the others, in one line."""
    if len(ranking.methods) <= PAIRS_TOLD:
        return [
            f"agreement of {' and '.join(found.methods)}: {_number(found.correlation)} "
            f"(Spearman's correlation over {found.num_sources} sources)"
            for found in ranking.agreement
        ]
    means: list[str] = []
    for method in ranking.methods:
        known = [
            found.correlation
            for found in ranking.agreement
            if method in found.methods and found.correlation is not None
        ]
        means.append(f"{method} {_number(sum(known) / len(known) if known else None)}")
    return [f"mean agreement with the other methods (Spearman): {', '.join(means)}"]


def _number(value: float | None) -> str:
    return "undefined" if value is None else f"{value:.2f}"


def _not_ranked(ranking: "MethodRanking") -> Sequence[str]:
    """What methods could not rank, and the reason that most of it has, in one line if any."""
    parts: list[str] = []
    for method, reasons in ranking.reasons.items():
        of_all = len(ranking.scores[method].scores)
        reason, _ = Counter(reasons.values()).most_common(1)[0]
        parts.append(f"by {method} {len(reasons)} of {of_all} sources ({reason.rstrip('.')})")
    return [f"not ranked: {'; '.join(parts)}"] if parts else []
