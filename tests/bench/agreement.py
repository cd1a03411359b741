"""What makes a map's score agree with its source model's own: many settings, many targets.

    python tests/bench/agreement.py --data DIR --grid OUT [--part NAME ...]

OUT holds a grid with source_scores.py's and base_embeddings.py's files. Agreement is Spearman's
correlation, over the sources, of the score of the target's mapped base embeddings with the LogME
(exact) of the source model's own embeddings of the same rows; the mean over the core tasks, with a
95 percent bootstrap interval over them. Pairs that share rows are left out. `chosen on`: tasks that
are no targets of the grid; `top 5`: how many of the five best sources are among the five best.
"""

import argparse
import json
import sys
import warnings
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))
sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np
from bench.agreement_bench import (
    Bench,
    agreement,
    direct,
    line,
    mapped_scores,
    text_similarity,
)
from bench.source_scores import ROWS

from esm_client.core.scoring.evidence import log_maximum_evidence
from esm_client.core.scoring.h_score import h_score
from esm_client.core.scoring.nearest_neighbours import nearest_neighbour_score
from esm_client.lab.evaluation.records import read_records
from esm_client.lab.evaluation.study import judge, pools, summary

warnings.filterwarnings("ignore")
RANKS = (4, 8, 16, 32, 64, 128, None)
LAMBDAS = (1e-3, 1e-2, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0)
SOURCE_ROWS = (100, 200, 400, 800, 1500)
NOISE = (0.0, 0.1, 0.2, 0.4)


def part_rows(bench: Bench):
    """Exact and published, by target rows; and against the source models as published."""
    published = _remembered(direct(bench.default, _published))
    for rows in ROWS:
        yield f"{rows} rows, exact", agreement(bench, mapped_scores(bench.default), rows)
        yield f"{rows} rows, published", agreement(bench, published, rows)
        yield f"{rows} rows, published, both sides", agreement(bench, published, rows, "published")


def _remembered(score: Callable) -> Callable:
    """Computed once per target and number of rows."""
    known = {}

    def again(x, y, kind, names):
        key = x.shape, float(x.sum()), tuple(names)
        if key not in known:
            known[key] = score(x, y, kind, names)
        return known[key]

    return again


def _published(features, labels, kind):
    return log_maximum_evidence(features, labels, kind=kind, variant="published")


def part_intercept(bench: Bench):
    """With a free constant and without."""
    yield "with intercept", agreement(bench, mapped_scores(bench.default))
    without = mapped_scores(bench.default, intercept=False)
    yield "without intercept", agreement(bench, without)


def part_rank(bench: Bench):
    """The rank of the map."""
    yield "rank chosen on held-out rows", agreement(bench, mapped_scores(bench.default))
    for rank in RANKS:
        name = "full rank" if rank is None else f"rank {rank}"
        yield name, agreement(bench, mapped_scores(bench.fit(rank=rank)))


def part_lambda(bench: Bench):
    """The penalty, for a small rank and for the full map."""
    for rank in (16, None):
        name = "full rank" if rank is None else f"rank {rank}"
        for value in LAMBDAS:
            maps = bench.fit(rank=rank, ridge_lambda=value)
            yield f"{name}, lambda {value:g}", agreement(bench, mapped_scores(maps))


def part_stronger(bench: Bench):
    """The default's way of choosing a rank, with a given penalty instead of the chosen one."""
    yield "rank and lambda chosen", agreement(bench, mapped_scores(bench.default))
    for value in (1.0, 3.0, 10.0):
        maps = bench.fit(rank="auto", ridge_lambda=value)
        yield f"rank chosen, lambda {value:g}", agreement(bench, mapped_scores(maps))


def part_source_rows(bench: Bench):
    """How many pairs the map is fitted to."""
    for rows in SOURCE_ROWS:
        maps = bench.fit(rows, rank="auto")
        yield f"{rows} source rows", agreement(bench, mapped_scores(maps))


def part_noise(bench: Bench):
    """Labels of the target that are exchanged at random."""
    for share in NOISE:
        found = agreement(bench, mapped_scores(bench.default), noise=share)
        yield f"{share:.0%} of the labels exchanged", found


def part_methods(bench: Bench):
    """Other methods, and fusions."""
    methods = {
        "esm-logme": mapped_scores(bench.default),
        "text-embedding": text_similarity(bench),
        "esm-knn": direct(bench.default, lambda f, y, k: nearest_neighbour_score(f, y, kind=k)),
        "esm-h-score": direct(bench.default, _h_score),
    }
    for name, score in methods.items():
        yield name, agreement(bench, score)
    for other in ("text-embedding", "esm-knn"):
        yield f"esm-logme+{other}", agreement(bench, _fusion(methods["esm-logme"], methods[other]))


def _h_score(features, labels, kind):
    return h_score(features, labels) if kind == "classification" else float("nan")


def _fusion(*scores: Callable) -> Callable:
    from esm_client.core.scoring.fusion import reciprocal_rank_fusion

    def score(*given):
        return reciprocal_rank_fusion(np.column_stack([one(*given) for one in scores]))

    return score


def part_language(bench: Bench):
    """The same maps on English targets and on others."""
    found = agreement(bench, mapped_scores(bench.default))
    english = {t for t in found if bench.facts[t]["language"] == "en"}
    yield "English targets", {t: v for t, v in found.items() if t in english}
    yield "targets in other languages", {t: v for t, v in found.items() if t not in english}
    for kind in ("classification", "regression"):
        yield f"{kind} targets", {t: v for t, v in found.items()
                                  if bench.facts[t]["kind"] == kind}  # fmt: skip


def transfers(bench: Bench, grid: Path) -> dict:
    """NDCG, regret and Spearman's correlation on the grid's own transfers, setting by setting."""
    found = {pool.target: pool for pool in pools(read_records(grid)) if pool.seed == 0}
    settings = {
        "default, exact": mapped_scores(bench.default),
        "default, published": direct(bench.default, _published),
        "without intercept": mapped_scores(bench.default, intercept=False),
        **{f"rank {rank}": mapped_scores(bench.fit(rank=rank)) for rank in (4, 8, 16, 64)},
        "full rank": mapped_scores(bench.fit(rank=None)),
        "rank chosen, lambda 3": mapped_scores(bench.fit(rank="auto", ridge_lambda=3.0)),
        "full rank, lambda 3": mapped_scores(bench.fit(rank=None, ridge_lambda=3.0)),
        "source model, exact": None,
        "source model, published": None,
    }
    targets = sorted(set(found) & set(bench.targets))
    print(f"\ntransfers: {len(targets)} targets of the grid, maps of 1 500 rows")
    print(f"{'':26s} {'NDCG':>14s} {'R@1':>17s} {'R@3':>17s} {'R@5':>17s} {'Spearman':>20s}")
    told = {}
    for name, score in settings.items():
        rows = []
        for target in targets:
            pool = found[target]
            if score is None:
                variant = name.rpartition(" ")[2]
                by_source = dict(
                    zip(bench.pool(target), bench.truth(target, 1000, variant), strict=True)
                )
                values = np.array([by_source.get(source, np.nan) for source in pool.sources])
            else:
                values = score(*bench.rows(target, 1000), list(pool.sources))
            rows.append(judge(name, values, pool))
        row = summary(rows)[name]
        told[name] = row
        cells = [_interval(row["ndcg"], 100, 0).rjust(14)]
        cells += [_interval(row[f"regret_{k}"]).rjust(17) for k in (1, 3, 5)]
        cells.append(_interval(row["correlation"], 1, 2).rjust(20))
        print(f"{name:26s} " + " ".join(cells), flush=True)
    return told


def _interval(figures, scale: float = 1.0, digits: int = 1) -> str:
    mean, low, high = (scale * value for value in figures)
    return f"{mean:.{digits}f} [{low:.{digits}f}, {high:.{digits}f}]"


PARTS = {name[5:]: part for name, part in globals().items() if name.startswith("part_")}


def main() -> None:
    """Print the parts asked for, and each as a JSON line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--grid", type=Path, required=True)
    every = (*PARTS, "transfers")
    parser.add_argument("--part", nargs="*", default=every, choices=every)
    arguments = parser.parse_args()
    bench = Bench(arguments.data, arguments.grid)
    print(f"{len(bench.sources)} sources; agreement of the scores with the source models' LogME")
    for name in arguments.part:
        if name == "transfers":
            print(json.dumps({name: transfers(bench, arguments.grid)}))
            continue
        print(f"\n{name.replace('_', ' ')}: {PARTS[name].__doc__}")
        print(f"{'':38s} tasks  mean [95 %]          top 5  chosen on")
        rows = {what: line(what, bench, found) for what, found in PARTS[name](bench)}
        print(json.dumps({name: rows}), flush=True)


if __name__ == "__main__":
    main()
