"""Screen and refine against scoring everything, over real maps.

    python tests/bench/exactness.py --pool full.npz --targets targets.safetensors [--trials 224]

full.npz is what real_pool.py --rank 0 wrote, targets.safetensors what source_models.py did with
--target-rows 4000. A trial is a target cut to N rows and a random half of the pool. Prints how
often the ten first are the same, how much of the pool was scored exactly, how often every estimate
was within the margin that is reported, and the largest difference of exact scores from the kernel
(singular values). Last, one JSON line.
"""

import argparse
import json
import warnings
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file

from esm_client.core.scoring.low_rank import LowRankScorer
from esm_client.core.scoring.sketch import TargetSketch
from esm_server.engine.full_rank import FullRankScorer
from esm_server.engine.refining import refine
from esm_server.engine.screening import Screen

ROWS = (50, 100, 200, 400, 800, 1600, 4000)
TOP, CHECKED, HALVES = 10, 6, 4


def cases(task: tuple[str, int, str, str]) -> list[dict[str, float]]:
    """All trials of one target of so many rows."""
    name, rows, pool, targets = task
    warnings.simplefilter("ignore")
    data, maps = load_file(targets), np.load(pool)
    x, y = data[f"base:{name}"][:rows], data[f"labels:{name}"][:rows]
    if len(x) < rows or len(np.unique(y)) < 2:
        return []
    kind = "regression" if y.dtype.kind == "f" else "classification"
    sketch = TargetSketch.from_embeddings(x, y, kind=kind)
    design = sketch.design()
    exactly, screen = FullRankScorer(design), Screen(LowRankScorer(design).basis)
    weight, bias = maps["weight"], maps["bias"]
    exact = np.array([exactly.score(*one) for one in zip(weight, bias, strict=True)])
    rough = np.array([screen.score(*one) for one in zip(weight, bias, strict=True)])
    rng = np.random.default_rng([rows, len(name)])
    checked = rng.permutation(len(exact))[:CHECKED]
    error = max(abs(sketch.log_maximum_evidence(weight[i], bias[i]) - exact[i]) for i in checked)
    return [
        _trial(rng.permutation(len(exact))[: len(exact) // 2], exact, rough, error)
        for _ in range(HALVES)
    ]


def _trial(half, exact, rough, error) -> dict[str, float]:
    mine, known = exact[half], np.full(len(half), np.nan)

    def score(chosen):
        found = known.copy()
        found[chosen] = mine[chosen]
        return found

    result = refine(known, rough[half], score, TOP)
    best = set(np.argsort(-mine)[:TOP].tolist())
    return {
        "same": best == set(np.argsort(-result.scores)[:TOP].tolist()),
        "share": float(result.exact.mean()),
        "kept": bool((np.abs(result.scores - mine) <= result.margin + 1e-12).all()),
        "off": float(np.abs(result.scores - mine).max()),
        "error": error,
    }


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--pool", required=True)
    parser.add_argument("--targets", type=Path, required=True)
    parser.add_argument("--workers", type=int, default=2)
    arguments = parser.parse_args()
    names = [key[5:] for key in load_file(arguments.targets) if key.startswith("base:")]
    tasks = [(n, rows, arguments.pool, str(arguments.targets)) for rows in ROWS for n in names]
    print("  rows  trials  same ten  scored exactly  within margin  largest error of exact scores")
    found: dict[int, list[dict[str, float]]] = {rows: [] for rows in ROWS}
    with ProcessPoolExecutor(arguments.workers) as several:
        for task, trials in zip(tasks, several.map(cases, tasks), strict=True):
            found[task[1]] += trials
            if task[0] == names[-1] and found[task[1]]:
                _print(str(task[1]), found[task[1]])
    every = [trial for trials in found.values() for trial in trials]
    _print("all", every)
    print(json.dumps({key: float(np.mean([t[key] for t in every])) for key in every[0]}))


def _print(rows: str, trials: list[dict[str, float]]) -> None:
    same, share, kept = (np.mean([t[key] for t in trials]) for key in ("same", "share", "kept"))
    error = max(trial["error"] for trial in trials)
    print(
        f"{rows:>6s}  {len(trials):6d}  {same:8.1%}  {share:14.1%}  {kept:13.1%}  {error:29.0e}",
        flush=True,
    )


if __name__ == "__main__":
    main()
