"""The tables of the study (docs/study.md), from the results of a grid.

    python tests/bench/study.py [--results docs/study] [--small docs/study/small]
    python tests/bench/study.py --results OUT --export docs/study      (of a grid, made small)

Prints every method with the paper's figures beside, transfers by kind of source and target, full
against small targets, and, last, one JSON line.
"""

import argparse
import json
import sys
from collections import defaultdict
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))
sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np

from esm_client.core.scoring.quality import rank_correlation
from esm_client.lab.evaluation.records import (
    RECORDS,
    TRANSFERS,
    read_records,
    read_tables,
    write_tables,
)
from esm_client.lab.evaluation.report import FUSIONS
from esm_client.lab.evaluation.study import judge_all, mean_interval, pools, summary

PAPER = {  # Schulte et al. 2024, Table 1: NDCG, R@1, R@3, R@5 of classification, then regression
    "esm-logme": ((57, 6.85, 3.83, 1.91), (61, 10.53, 7.41, 4.69)),
    "logme": ((82, 2.89, 0.12, 0.12), (86, 1.64, 1.64, 1.64)),
    "vocabulary": ((59, 4.45, 2.37, 1.80), (60, 22.07, 12.25, 11.24)),
    "task-embedding": ((46, 15.28, 13.62, 13.08), (80, 7.38, 3.02, 3.02)),
    "text-embedding": ((54, 7.97, 7.26, 6.73), (54, 7.32, 11.52, 11.10)),
    "frozen-transfer": ((46, 6.91, 3.79, 3.00), (66, 8.53, 1.76, 1.76)),
    "nce": ((74, 4.47, 2.70, 0.12), None),
    "leep": ((82, 1.90, 0.12, 0.12), None),
}


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--results", type=Path, default=Path("docs/study"))
    parser.add_argument("--small", type=Path)
    parser.add_argument("--export", type=Path)
    arguments = parser.parse_args()
    records = known(arguments.results)
    if arguments.export:
        arguments.export.mkdir(parents=True, exist_ok=True)
        write_tables(arguments.export, without_components(records))
        return
    found = pools(records)
    print(f"{sum(len(pool.sources) + 1 for pool in found)} transfers in {len(found)} pools")
    told = {}
    for number, title in enumerate(("classification", "regression", "all")):
        some = [pool for pool in found if number == 2 or pool.is_classification == (number == 0)]
        told[title] = print_methods(title, some, number)
    print_targets(found)
    print_kinds(found)
    small = arguments.small or arguments.results / "small"
    if (small / TRANSFERS).exists() or (small / RECORDS).exists():
        told["small"] = print_small(found, pools(known(small)))
    print(json.dumps(told))


def known(folder: Path) -> list[dict]:
    """Results of a grid, from its records or from its tables."""
    return read_records(folder) if (folder / RECORDS).exists() else read_tables(folder)


def without_components(records: list[dict]) -> list[dict]:
    """The same with TaskEmb's components fused to one score, which is a tenth of the bytes."""
    fused = {
        (source, pool.target, pool.seed, method): float(value)
        for pool in pools(records)
        for method, values in pool.scores.items()
        for source, value in zip(pool.sources, values, strict=True)
    }
    kept = [one for one in records if one["what"] == "transfer"]
    for record in records:
        if record["what"] != "score":
            continue
        pair = record["source"], record["target"], record["seed"]
        cells = {
            method: {**cell, "value": fused.get((*pair, method))}
            for method, cell in record["methods"].items()
        }
        if (*pair, "esm-logme") in fused:
            kept.append({**record, "methods": cells})
    return kept


def print_methods(title: str, some: list, number: int) -> dict:
    """The Table, lowest R@5 first."""
    table = summary(judge_all(some, FUSIONS))
    print(f"\n{title}: {len({pool.target for pool in some})} targets")
    print(f"{'method':26s} {'NDCG':>15s} {'R@1':>18s} {'R@3':>18s} {'R@5':>18s} "
          f"{'Spearman':>20s}   paper: NDCG, R@1, R@3, R@5")  # fmt: skip
    for method in sorted(table, key=lambda one: table[one]["regret_5"][0]):
        row = table[method]
        cells = [_cell(row["ndcg"], 100, 0).rjust(15)]
        cells += [_cell(row[f"regret_{k}"]).rjust(18) for k in (1, 3, 5)]
        cells.append(_cell(row["correlation"], 1, 2).rjust(20))
        paper = PAPER.get(method, (None, None))[number] if number < 2 else None
        beside = "   " + " ".join(f"{value:g}" for value in paper) if paper else ""
        print(f"{method:26s} " + " ".join(cells) + beside)
    return table


def _cell(figures, scale: float = 1.0, digits: int = 1) -> str:
    mean, low, high = (scale * value for value in figures)
    return f"{mean:.{digits}f} [{low:.{digits}f}, {high:.{digits}f}]"


def print_targets(found: list) -> None:
    """What the transfers are like."""
    print(f"\n{'target':24s} {'seed':>4s} {'sources':>7s} {'none':>6s} {'worst':>6s} "
          f"{'median':>6s} {'best':>6s}  better than none  best source")  # fmt: skip
    for pool in found:
        p = pool.performance
        print(f"{pool.target:24s} {pool.seed:4d} {len(p):7d} {pool.without:6.3f} {p.min():6.3f} "
              f"{np.median(p):6.3f} {p.max():6.3f} {np.mean(p > pool.without):17.0%}  "
              f"{pool.sources[int(p.argmax())]}")  # fmt: skip


def print_kinds(found: list) -> None:
    """In-class and cross-class transfer: the same kind of task, or another (Vu et al. 2020)."""
    from bench.study_plan import KINDS

    groups: dict[tuple[str, str], dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for pool in found:
        for source, performance in zip(pool.sources, pool.performance, strict=True):
            pair = KINDS[source], KINDS[pool.target]
            groups[pair][pool.target].append(100 * (performance - pool.without))
    print(f"\n{'source':34s} {'target':34s} transfers  points over none   better than none")
    for (source, target), by_target in sorted(groups.items()):
        every = [value for values in by_target.values() for value in values]
        mean, low, high = mean_interval(by_target)
        print(f"{source:34s} {target:34s} {len(every):9d}  {mean:5.1f} [{low:5.1f}, {high:5.1f}]"
              f"  {np.mean(np.array(every) > 0):8.0%}")  # fmt: skip


def print_small(found: list, small: list) -> dict:
    """The same sources before 200 rows of a target instead of 1 000."""
    print(f"\n{'target':24s} {'sources':>7s} {'none':>13s} {'median gain':>13s} {'best gain':>13s}"
          "  agreement   (1 000 and 200 rows; points)")  # fmt: skip
    told = {}
    for few in small:
        many = next(p for p in found if (p.target, p.seed) == (few.target, few.seed))
        both = sorted(set(few.sources) & set(many.sources))
        if len(both) < 5:
            continue
        p, q = (pool.performance[[pool.sources.index(s) for s in both]] for pool in (many, few))
        gains = [100 * (values - pool.without) for values, pool in ((p, many), (q, few))]
        told[few.target] = {"sources": len(both), "agreement": rank_correlation(p, q),
                            "median": [float(np.median(g)) for g in gains],
                            "best": [float(g.max()) for g in gains]}  # fmt: skip
        cells = [
            f"{many.without:6.3f} {few.without:6.3f}",
            *(" ".join(f"{function(g):6.1f}" for g in gains) for function in (np.median, np.max)),
        ]
        print(f"{few.target:24s} {len(both):7d} " + " ".join(cells)
              + f"  {told[few.target]['agreement']:9.2f}")  # fmt: skip
    return told


if __name__ == "__main__":
    main()
