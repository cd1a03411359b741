"""Ridge against SGD, and architectures against each other, on real fine-tunes.

    python tests/bench/source_models.py --data DIR --out OUT     (once; the fine-tuning)
    python tests/bench/fits.py --models OUT

A tenth of each source's rows is held out. Agreement is the Spearman correlation, over the sources,
of the LogME of a target's mapped embeddings with that of the actual source models' embeddings,
averaged over the targets; the identity map has none. Prints tables and, last, one JSON line.
"""

import argparse
import json
import time
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file
from scipy.stats import spearmanr

from esm_client.core.maps.storage import dump_map
from esm_client.core.scoring.sketch import TargetSketch
from esm_client.lab.training.fit.moments import mean_squared_error
from esm_client.lab.training.fit.ridge import fit_ridge
from esm_client.lab.training.fit.sgd import fit_mlp, fit_sgd

RANKS = (4, 8, 16, 32, 64, 128)
LAMBDAS = (0.03, 0.3, 1.0, 3.0, 10.0)


def main() -> None:
    """Fit everything to everything."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--models", type=Path, required=True)
    folder = parser.parse_args().models
    targets = load_file(folder / "targets.safetensors")
    names = sorted(key.partition(":")[2] for key in targets if key.startswith("base:"))
    sources = {
        path.stem: load_file(path)
        for path in sorted(folder.glob("*.safetensors"))
        if path.stem != "targets"
    }
    fits = {
        "sgd, the paper's": lambda x, y: fit_sgd(x, y),
        "ridge, full rank": _ridge(),
        "ridge, rank chosen": _ridge(rank="auto"),
        **{f"ridge, rank {q}": _ridge(rank=q) for q in RANKS},
        **{f"ridge, full rank, lambda {v:g}": _ridge(ridge_lambda=v) for v in LAMBDAS},
        **{f"ridge, rank 32, lambda {v:g}": _ridge(rank=32, ridge_lambda=v) for v in LAMBDAS},
        "mlp, 192 hidden": lambda x, y: fit_mlp(x, y),
    }
    truth = {
        name: [_score(tensors[f"target:{name}"], targets[f"labels:{name}"])
               for tensors in sources.values()]
        for name in names
    }  # fmt: skip
    rows = {what: _judge(fit, sources, targets, names, truth) for what, fit in fits.items()}
    _print_errors(rows, sources)
    identity = {name: _identity_error(tensors) for name, tensors in sources.items()}
    print(f"\n{len(sources)} sources, {len(names)} targets")
    print(
        f"{'map':34s} {'KB':>6s} {'error':>7s} {'of identity':>11s} {'fit s':>7s} {'agreement':>9s}"
    )
    for what, row in rows.items():
        share = np.mean([row["errors"][n] / identity[n] for n in sources])
        print(
            f"{what:34s} {row['bytes'] / 1000:6.0f} {np.mean(list(row['errors'].values())):7.4f} "
            f"{share:11.3f} {row['seconds']:7.3f} {row['agreement']:9.3f}"
        )
    _print_times(next(iter(sources.values())))
    print(json.dumps({"identity": identity, "maps": rows}))


def _print_times(tensors) -> None:
    """Seconds against rows: the same pairs again and again, which no fit notices."""
    timed = {
        "sgd, the paper's": fit_sgd,
        "ridge, full rank": _ridge(),
        "ridge, rank chosen": _ridge(rank="auto"),
        "ridge, lambda given": _ridge(ridge_lambda=0.3),
    }
    print(f"\n{'seconds to fit':20s} {'rows':>6s}" + "".join(f"{what:>21s}" for what in timed))
    for copies in (1, 7):
        base, tuned = (np.tile(tensors[name], (copies, 1)) for name in ("base", "tuned"))
        cells = ""
        for fit in timed.values():
            seconds = []
            for _ in range(3):
                started = time.perf_counter()
                fit(base, tuned)
                seconds.append(time.perf_counter() - started)
            cells += f"{min(seconds):21.3f}"
        print(f"{'':20s} {len(base):6d}{cells}")


def _ridge(**settings):
    return lambda x, y: fit_ridge(x, y, **settings).map


def _judge(fit, sources, targets, names, truth) -> dict:
    errors, seconds, size, maps = {}, 0.0, [], []
    for name, tensors in sources.items():
        base, tuned = tensors["base"], tensors["tuned"]
        held = np.arange(len(base)) % 10 == 0
        started = time.perf_counter()
        found = fit(base[~held], tuned[~held])
        seconds += time.perf_counter() - started
        errors[name] = mean_squared_error(found.apply(base[held]), tuned[held])
        arrays = (array.astype(np.float32) for array in found.tensors().values())
        size.append(len(dump_map(type(found)(*arrays))))
        maps.append(found)
    agreements = [
        spearmanr(
            [
                _score(found.apply(targets[f"base:{name}"]), targets[f"labels:{name}"])
                for found in maps
            ],
            truth[name],
        )[0]
        for name in names
    ]
    return {
        "errors": errors,
        "bytes": float(np.mean(size)),
        "seconds": seconds / len(sources),
        "agreement": float(np.mean(agreements)),
        "agreements": dict(zip(names, map(float, agreements), strict=True)),
    }


def _score(embeddings, labels) -> float:
    kind = "regression" if labels.dtype.kind == "f" else "classification"
    sketch = TargetSketch.from_embeddings(embeddings, labels, kind=kind)
    return sketch.identity_log_maximum_evidence(intercept=True)


def _identity_error(tensors) -> float:
    held = np.arange(len(tensors["base"])) % 10 == 0
    return mean_squared_error(tensors["base"][held], tensors["tuned"][held])


def _print_errors(rows, sources) -> None:
    shown = ("sgd, the paper's", "ridge, full rank", "ridge, rank 16", "ridge, rank 32",
             "ridge, rank 64", "mlp, 192 hidden")  # fmt: skip
    print(f"{'held-out error':24s} {'identity':>9s}" + "".join(f"{s[:17]:>18s}" for s in shown))
    for name, tensors in sources.items():
        cells = "".join(f"{rows[what]['errors'][name]:18.4f}" for what in shown)
        print(f"{name:24s} {_identity_error(tensors):9.4f}{cells}")


if __name__ == "__main__":
    main()
