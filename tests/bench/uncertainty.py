"""Jackknife errors against what real samples of a target's rows do to its scores.

    python tests/bench/uncertainty.py --pool low16.npz --targets targets.safetensors

low16.npz is what real_pool.py wrote, targets.safetensors what source_models.py did with
--target-rows 4000. Of each target with 2 000 rows or more, many samples are drawn and scored anew;
their spread, corrected for being drawn from so few rows, is the truth. The jackknife says it from
ten folds of one sample alone. Of single scores, and of differences to the map that is best on all
rows, which ties are about. `held`: how often such a difference lies within two standard errors of
what it is on all rows. Last the cost, and one JSON line.
"""

import argparse
import json
import time
import warnings
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file

from esm_client.core.scoring.jackknife import fold_sketches, left_out, standard_errors
from esm_client.core.scoring.low_rank import LowRankScorer
from esm_client.core.scoring.sketch import TargetSketch

MAPS, SAMPLES, FOLDED = 24, 60, 12


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--pool", type=Path, required=True)
    parser.add_argument("--targets", type=Path, required=True)
    parser.add_argument("--rows", type=int, default=600)
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    arrays = np.load(arguments.pool)
    chosen = np.linspace(0, len(arrays["means"]) - 1, MAPS).astype(int)
    maps = [arrays[name][chosen] for name in ("scale", "left", "right", "bias")]
    maps[0] = maps[0].reshape(-1)
    data = load_file(arguments.targets)
    rows, found = arguments.rows, {}
    print(f"{MAPS} maps, samples of {rows} rows, mean over maps")
    print("target              rows   spread  jackknife  ratio   of differences  ratio   held")
    for name in (key[5:] for key in data if key.startswith("base:")):
        x, y = data[f"base:{name}"], data[f"labels:{name}"]
        if len(x) < 2000:
            continue
        row = _target(x, y, maps, rows)
        found[name] = row
        print(
            f"{name:18s} {len(x):5d}  {row['spread']:.5f}    {row['jackknife']:.5f}  "
            f"{row['jackknife'] / row['spread']:5.2f}          {row['apart']:.5f}  "
            f"{row['jackknife apart'] / row['apart']:5.2f}  {row['held']:5.1%}",
            flush=True,
        )
    cost = found["cost"] = _cost(x, y, maps, rows)
    print(f"one sketch: {cost['one']:.2f} s, {cost['one_kb']:.0f} KB")
    print(f"with ten folds: {cost['ten']:.2f} s, {cost['ten_kb']:.0f} KB")
    print(json.dumps(found))


def _kind(y: np.ndarray) -> str:
    return "regression" if y.dtype.kind == "f" else "classification"


def _scores(sketch: TargetSketch, maps) -> np.ndarray:
    return LowRankScorer(sketch.design()).scores(*maps)


def _target(x, y, maps, rows) -> dict[str, float]:
    every = _scores(TargetSketch.from_embeddings(x, y, kind=_kind(y)), maps)
    best = int(every.argmax())
    sampled, errors, apart = [], [], []
    for seed in range(SAMPLES):
        drawn = np.random.default_rng(seed).permutation(len(x))[:rows]
        xs, ys = x[drawn], y[drawn]
        sampled.append(_scores(TargetSketch.from_embeddings(xs, ys, kind=_kind(y)), maps))
        if seed < FOLDED:
            folds = left_out(fold_sketches(xs, ys, kind=_kind(y)))
            without = np.stack([_scores(fold, maps) for fold in folds])
            errors.append(standard_errors(without))
            apart.append(standard_errors(without[:, [best]] - without))
    scores = np.array(sampled)
    others = np.arange(len(every)) != best
    gaps = (scores[:, [best]] - scores)[:, others]
    known = np.array(apart)[:, others]
    truth = gaps.mean(axis=0)
    whole = np.sqrt(1.0 - rows / len(x))  # samples of few rows share some
    return {
        "spread": float(scores.std(axis=0).mean() / whole),
        "jackknife": float(np.mean(errors)),
        "apart": float(gaps.std(axis=0).mean() / whole),
        "jackknife apart": float(known.mean()),
        "held": float((np.abs(gaps[:FOLDED] - truth) / whole <= 2.0 * known).mean()),
    }


def _cost(x, y, maps, rows) -> dict[str, float]:
    x, y, kind = x[:rows], y[:rows], _kind(y)
    started = time.perf_counter()
    sketch = TargetSketch.from_embeddings(x, y, kind=kind)
    _scores(sketch, maps)
    one = time.perf_counter() - started
    folds = fold_sketches(x, y, kind=kind)
    for fold in left_out(folds):
        _scores(fold, maps)
    ten = time.perf_counter() - started
    size = len(sketch.to_bytes())
    more = sum(len(fold.to_bytes()) for fold in folds)
    return {"one": one, "ten": ten, "one_kb": size / 1e3, "ten_kb": (size + more) / 1e3}


if __name__ == "__main__":
    main()
