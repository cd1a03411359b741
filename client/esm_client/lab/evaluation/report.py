"""A grid's results as one HTML page, with its tables and pictures."""

from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path

import numpy as np

from esm_client.core.disk import disk_errors
from esm_client.lab.evaluation import plots
from esm_client.lab.evaluation.records import Record
from esm_client.lab.evaluation.study import Pool, costs, judge_all, pools, summary

REPORT = "report.html"
FUSIONS = (
    ("esm-logme", "text-embedding"),
    ("esm-logme", "vocabulary"),
    ("esm-logme", "esm-knn"),
)
SHOWN = ("logme", "esm-logme", "text-embedding", "vocabulary", "task-embedding")
COLUMNS = (
    "method", "targets", "sources", "NDCG", "NDCG linear", "R@1", "R@3", "R@5", "Spearman",
    "ms per source", "KB per source",
)  # fmt: skip
NOTES = """NDCG: gain 2^(100 p) - 1 of the performance p, discount log2(rank + 1), as published; \
NDCG linear: gain p above the worst source's, as a share of the range.
R@k: percent of the best source's performance that is lost by trying the first k only; the \
transfer without a source is not among them.
In brackets: 95 percent of 2 000 bootstrap means over targets and seeds.
ms per source: phase 2 beyond the embedding passes; methods that need the source model also need \
its pass over the target, said below. NCE and LEEP rank classification sources only."""


def table_rows(
    found: Sequence[Pool], records: Sequence[Record]
) -> tuple[list[tuple[str, ...]], dict[str, dict[str, tuple[float, ...]]]]:
    """The table of methods as text, a row per method, the lowest R@5 first; and its numbers."""
    numbers = summary(judge_all(found, FUSIONS))
    spent = costs(records)
    order = sorted(numbers, key=lambda method: numbers[method]["regret_5"][0])
    return [_row(method, numbers[method], spent.get(method)) for method in order], numbers


def write_report(folder: Path, records: Sequence[Record]) -> Path | None:
    """Write report.html of a grid's folder; None where too little is known yet.

    Raises MissingExtra without matplotlib, StorageFull.
    """
    found = pools(records)
    if not found:
        return None
    classes = [pool for pool in found if pool.is_classification]
    numbers = [pool for pool in found if not pool.is_classification]
    parts = ["<h1>Selection of intermediate tasks</h1>", _paragraph(_extent(found))]
    for title, some in (("Classification", classes), ("Regression", numbers), ("All", found)):
        if some:
            rows, table = table_rows(some, records)
            parts += [f"<h2>{title}</h2>", _table(COLUMNS, rows), plots.quality(table, "regret_5")]
    spent = costs(records).get("pass")
    if spent is not None:
        parts.append(_paragraph(f"A source model's pass over a target: {spent['seconds']:.2f} s."))
    parts += [_paragraph(note) for note in NOTES.splitlines()]
    shown = [method for method in SHOWN if any(method in pool.scores for pool in found)]
    parts += [
        "<h2>Every transfer</h2>", plots.transfer_results(found, shown),
        "<h2>How many to try</h2>", plots.regret_by_k(found, shown),
        "<h2>First picks</h2>", _picks(found, shown),
    ]  # fmt: skip
    path = folder / REPORT
    with disk_errors(folder, "Name a folder that you may write to."):
        path.write_text(_PAGE.format("\n".join(parts)), encoding="utf-8")
    return path


def _row(
    method: str, figures: Mapping[str, tuple[float, ...]], spent: Mapping[str, float] | None
) -> tuple[str, ...]:
    def cell(name: str, scale: float = 1.0, digits: int = 1) -> str:
        mean, low, high = (scale * value for value in figures[name])
        return f"{mean:.{digits}f} [{low:.{digits}f}, {high:.{digits}f}]"

    return (
        method,
        f"{figures['targets'][0]:.0f}",
        f"{figures['sources'][0]:.0f}",
        cell("ndcg", 100.0, 0),
        cell("ndcg_linear", 100.0, 0),
        *(cell(f"regret_{k}") for k in (1, 3, 5)),
        cell("correlation", digits=2),
        "" if spent is None else f"{1e3 * spent['seconds']:.2f}",
        "" if spent is None else f"{spent['num_bytes'] / 1e3:.1f}",
    )


def _extent(found: Sequence[Pool]) -> str:
    names = {name for pool in found for name in pool.sources}
    targets, seeds = {pool.target for pool in found}, {pool.seed for pool in found}
    transfers = sum(len(pool.sources) + 1 for pool in found)
    return (
        f"{transfers} transfers: {len(names)} sources, {len(targets)} targets, {len(seeds)} "
        f"seed{'s' if len(seeds) > 1 else ''}. Sources that share rows with a target are not in "
        "its pool."
    )


def _picks(found: Sequence[Pool], methods: Sequence[str]) -> str:
    """The best source of each target and what each method put first, with its performance."""
    rows: list[tuple[str, ...]] = []
    for pool in found:
        cells = [pool.target, f"{pool.without:.3f}", _source(pool, int(pool.performance.argmax()))]
        for method in methods:
            scores = pool.scores.get(method)
            if scores is None or not np.isfinite(scores).any():
                cells.append("")
            else:
                cells.append(_source(pool, int(np.nanargmax(scores))))
        rows.append(tuple(cells))
    return _table(("target", "no source", "best source", *methods), rows)


def _source(pool: Pool, index: int) -> str:
    return f"{pool.sources[index]} {pool.performance[index]:.3f}"


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    head = "".join(f"<th>{escape(name)}</th>" for name in columns)
    body = "".join(
        "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows
    )
    return f'<div class="wide"><table><tr>{head}</tr>{body}</table></div>'


def _paragraph(text: str) -> str:
    return f"<p>{escape(text)}</p>"


_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Selection of intermediate tasks</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>
body {{ font: 15px/1.5 system-ui, sans-serif; max-width: 88rem; margin: 2rem auto;
  padding: 0 1rem }}
.wide {{ overflow-x: auto }}
table {{ border-collapse: collapse; font-size: 13px; white-space: nowrap }}
th, td {{ padding: .2rem .7rem; text-align: right; border-bottom: 1px solid #ddd }}
th:first-child, td:first-child {{ text-align: left }}
svg {{ max-width: 100%; height: auto; margin: 1rem 0 }}
</style></head><body>
{}
</body></html>
"""
