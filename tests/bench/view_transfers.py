"""How well wide maps choose sources for the study's real transfers.

    python tests/bench/view_transfers.py --data DIR --out OUT

OUT was made by view_sources.py, whose source models are others than those behind the transfers in
docs/study (fewer rows, another learning rate): `logme` is what the very same maps imitate. Joint
evidence is that of the embeddings and the map's output side by side, both of the same trace.
"""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))
sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np
import pyarrow.parquet as pq
from bench.view_maps import Bench, Features, plain

from esm_client.core.maps.storage import EsmMap
from esm_client.core.scoring.evidence import log_maximum_evidence
from esm_client.lab.evaluation.study import (
    MIN_SOURCES,
    Judgement,
    Pool,
    judge,
    mean_interval,
    summary,
)

TRANSFERS = Path(__file__).parents[2] / "docs" / "study" / "transfers.parquet"
FIGURES = ("regret_1", "regret_3", "regret_5", "ndcg", "correlation")
RANK = 64
DRAWS = 500
Fitted = tuple[dict[str, EsmMap], Features]
"""Maps by source, and what they read."""


def pools(bench: Bench) -> list[Pool]:
    """Of the first seed: the targets that were embedded, with the sources that were trained."""
    known = {
        (row["source"], row["target"]): row
        for row in pq.read_table(TRANSFERS).to_pylist()
        if row["seed"] == 0
    }
    found = []
    for target in bench.targets:
        names = [name for name in bench.pool(target) if (name, target) in known]
        alone = known.get((None, target))
        if alone is not None and len(names) >= MIN_SOURCES:
            performance = np.array([known[name, target]["performance"] for name in names])
            without, metric = alone["performance"], alone["metric_name"]
            found.append(Pool(target, 0, metric, tuple(names), performance, without, {}))
    return found


def joint(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Both side by side (N, 2 D), centred and of the same trace."""
    parts = [part - part.mean(axis=0) for part in (x.astype(np.float64), y.astype(np.float64))]
    return np.hstack([part / np.linalg.norm(part) for part in parts])


def scores(bench: Bench, pool: Pool, fitted: dict[str, Fitted]) -> dict[str, np.ndarray]:
    """By method, one a source."""
    labels, kind = bench.labels(pool.target)
    task = f"task:{pool.target}"
    x = bench.x(task)

    def evidence(features: np.ndarray) -> float:
        return log_maximum_evidence(features, labels, kind=kind)

    found = {}
    for method, (maps, features) in fitted.items():
        made = [maps[name].apply(features(task)) for name in pool.sources]
        found[method] = np.array([evidence(y) for y in made])
        found[f"joint {method}"] = np.array([evidence(joint(x, y)) for y in made])
    real = [bench.tuned[name][task] for name in pool.sources]
    found["logme"] = np.array([evidence(y) for y in real])
    found["joint logme"] = np.array([evidence(joint(x, y)) for y in real])
    return found


def random(pool: Pool) -> Judgement:
    """The mean over many orders."""
    rng = np.random.default_rng(0)
    drawn = [judge("random", rng.random(len(pool.sources)), pool) for _ in range(DRAWS)]
    means = {name: float(np.mean([getattr(one, name) for one in drawn])) for name in FIGURES}
    return Judgement(**{**vars(drawn[0]), **means})


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    bench = Bench(arguments.data, arguments.out)
    wide: Features = plain(bench)
    fitted = {
        "old default": (bench.fit(bench.x, "own", rank="auto"), bench.x),
        "wide": (bench.fit(wide, "own+probe", rank=RANK), wide),
    }
    found = pools(bench)
    judged = []
    for pool in found:
        tables = scores(bench, pool, fitted)
        judged += [judge(method, values, pool) for method, values in tables.items()]
        judged.append(random(pool))
    sources = [len(pool.sources) for pool in found]
    print(f"{len(found)} targets, {min(sources)} to {max(sources)} sources")
    print(f"  {'':20s} {' '.join(f'{name[-6:]:>6s}' for name in FIGURES)}")
    for method, figures in summary(judged).items():
        told = [f"{figures[name][0]:6.2f}" for name in FIGURES]
        print(f"  {method:20s} {' '.join(told)}   R@5 less than the old default's by", end=" ")
        print("{:.1f} [{:.1f}, {:.1f}]".format(*_gain(judged, method)))


def _gain(judged: list[Judgement], method: str) -> tuple[float, ...]:
    by = {(row.method, row.target): row.regret_5 for row in judged}
    targets = {row.target for row in judged}
    return mean_interval({t: [by["old default", t] - by[method, t]] for t in targets})


if __name__ == "__main__":
    main()
