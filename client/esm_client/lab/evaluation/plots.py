"""The pictures of a study, as SVG."""

import io
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from esm_client.core.errors import EsmError
from esm_client.lab.evaluation.study import Pool, judge
from esm_client.lab.extras import require

MARKS = ("o", "s", "^", "D", "v")
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00")
"""Okabe and Ito's, which everybody can tell apart."""


def transfer_results(pools: Sequence[Pool], methods: Sequence[str]) -> str:
    """Performance after every source, by target, with each method's first pick.

    As the paper's Figure 3 (Schulte et al. 2024): a dot per source, a line for no source.
    """
    shown = [pool for pool in pools if pool.seed == pools[0].seed]
    figure, axes = figure_of(max(6.0, 1.1 * len(shown)), 4.2)
    rng = np.random.default_rng(0)
    for place, pool in enumerate(shown):
        change = 100.0 * (pool.performance - pool.without)
        spread = rng.uniform(-0.22, 0.22, len(change))
        axes.scatter(place + spread, change, s=12, color="0.7", zorder=1, linewidths=0)
        for number, method in enumerate(methods):
            scores = pool.scores.get(method)
            if scores is None or not np.isfinite(scores).any():
                continue
            axes.scatter(
                place - 0.3 + 0.6 * number / max(1, len(methods) - 1),
                change[int(np.nanargmax(scores))], s=36, marker=MARKS[number % len(MARKS)],
                color=COLOURS[number % len(COLOURS)], zorder=3,
                label=method if place == 0 else None,
            )  # fmt: skip
    axes.axhline(0, color="black", linewidth=0.8)
    axes.set_xticks(range(len(shown)), [pool.target for pool in shown], rotation=30, ha="right")
    axes.set_ylabel("points over no intermediate task")
    axes.legend(frameon=False, ncols=3, fontsize=8, title="first pick of", title_fontsize=8)
    return svg_of(figure)


def quality(table: Mapping[str, Mapping[str, tuple[float, ...]]], figure_name: str) -> str:
    """One figure of every method, with its 95 percent interval."""
    order = sorted(table, key=lambda method: -table[method][figure_name][0])  # lowest on top
    figure, axes = figure_of(6.4, 0.6 + 0.3 * len(order))
    for place, method in enumerate(order):
        mean, low, high = table[method][figure_name]
        axes.plot([low, high], [place, place], color="0.6", linewidth=2)
        axes.plot([mean], [place], "o", color=COLOURS[0])
    axes.set_yticks(range(len(order)), order)
    axes.set_xlabel(f"{figure_name.replace('_', '@')}, mean over targets and 95 % interval")
    return svg_of(figure)


def regret_by_k(pools: Sequence[Pool], methods: Sequence[str], largest: int = 10) -> str:
    """Mean regret against how many of the first picks are tried."""
    from esm_client.core.scoring.quality import regret_at

    figure, axes = figure_of(6.4, 3.8)
    for number, method in enumerate(methods):
        curves: list[list[float]] = []
        for pool in pools:
            scores = pool.scores.get(method)
            if scores is None:
                continue
            known = np.isfinite(scores)
            try:
                judge(method, scores, pool)
            except EsmError:
                continue
            curves.append(
                [regret_at(k, scores[known], pool.performance[known])
                 for k in range(1, largest + 1)]
            )  # fmt: skip
        if curves:
            axes.plot(range(1, largest + 1), np.mean(curves, axis=0), label=method,
                      marker=MARKS[number % len(MARKS)], markersize=4,
                      color=COLOURS[number % len(COLOURS)])  # fmt: skip
    axes.set_xlabel("sources tried")
    axes.set_ylabel("regret, percent")
    axes.set_ylim(bottom=0)
    axes.legend(frameon=False, fontsize=8)
    return svg_of(figure)


def figure_of(width: float, height: float, rows: int = 1, columns: int = 1) -> tuple[Any, Any]:
    """A figure that belongs to no window, and its axes; text stays text."""
    require("matplotlib", "study").rcParams["svg.fonttype"] = "none"
    figure = require("matplotlib.figure", "study").Figure((width, height), layout="constrained")
    axes = figure.subplots(rows, columns)
    for one in np.ravel(axes):
        one.spines[["top", "right"]].set_visible(False)
    return figure, axes


def svg_of(figure: Any) -> str:
    """The figure as an <svg> element."""
    stream = io.StringIO()
    figure.savefig(stream, format="svg", metadata={"Date": None})
    text = stream.getvalue()
    return text[text.index("<svg") :]
