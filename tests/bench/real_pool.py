"""A pool of real maps, fitted to kept embeddings of real source models.

    python tests/bench/real_pool.py --models DIR --out POOL.npz [--rank 16] [--count 1200]

DIR is what source_models.py wrote. Every source gives several maps: of different numbers of its
rows, draws of them (seeds) and penalties (lambda). POOL.npz holds their arrays, the name of each
and the mean base embedding of its rows.
"""

import argparse
import itertools
import time
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file

from esm_client.lab.training.fit.ridge import fit_ridge

ROWS = (150, 300, 540)
SEEDS = (0, 1, 2, 3, 4, 5, 6, 7)
LAMBDAS = (0.03, 0.1, 0.5)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--models", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--rank", type=int, default=16, help="0: full maps")
    parser.add_argument("--count", type=int, default=1200)
    arguments = parser.parse_args()
    sources = sorted(p for p in arguments.models.glob("*.safetensors") if p.stem != "targets")
    variants = list(itertools.product(SEEDS, ROWS, LAMBDAS))
    per_source = min(len(variants), -(-arguments.count // len(sources)))
    found: dict[str, list[np.ndarray]] = {}
    names, means = [], []
    started = time.perf_counter()
    for path in sources:
        data = load_file(path)
        rng = np.random.default_rng(7)
        chosen = rng.permutation(len(variants))[:per_source]
        for seed, rows, penalty in (variants[i] for i in sorted(chosen)):
            drawn = np.random.default_rng(seed).permutation(len(data["base"]))[:rows]
            fitted = fit_ridge(
                data["base"], data["tuned"], np.sort(drawn), rank=arguments.rank or None,
                ridge_lambda=penalty, seed=seed,
            ).map  # fmt: skip
            for name, array in fitted.tensors().items():
                found.setdefault(name.removeprefix("model."), []).append(array.astype(np.float32))
            names.append(f"{path.stem} {rows} rows, seed {seed}, lambda {penalty}")
            means.append(data["base"][drawn].mean(axis=0))
    arrays = {name: np.stack(parts) for name, parts in found.items()}
    np.savez(arguments.out, names=np.array(names), means=np.stack(means), **arrays)
    seconds = time.perf_counter() - started
    print(f"{len(names)} maps of {len(sources)} sources in {seconds:.0f} s")


if __name__ == "__main__":
    main()
