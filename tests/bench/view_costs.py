"""What views cost: bytes of ESMs and sketches, milliseconds a map, and a real server's limits.

    python tests/bench/view_costs.py --out OUT [--maps 50]

OUT was made by view_sources.py: maps are fitted to real source models' embeddings, the old default
(low-rank on x, own rows) and wide ones. Of one target, with ten folds, on one thread, the two kinds
in turn; the median of seven rounds counts. Then a target of 768 numbers and 384 views, made up,
since only its size matters, is ranked with its folds by a server with default limits.
"""

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).parents[2]))
sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np
from safetensors.numpy import load_file
from support.artifacts import make_esm, publish
from support.registry import RunningRegistry

from esm_client import Client, TargetSketch, fold_sketches
from esm_client.core.maps.storage import dump_map
from esm_client.core.scoring.map_scores import MapScorer
from esm_client.core.views import SpaceViews
from esm_client.lab.training.fit.recipe import FitRecipe, ProbePairs, fit_map

LAYER, ROUNDS = 4, 7
TARGET = "task:tweeteval_emotion"


def maps_of(out: Path, views: SpaceViews | None, fit: FitRecipe) -> list:
    """One of every source model, as `train_esm` fits it."""
    base = load_file(out / "base.safetensors")
    found = []
    for path in sorted(out.glob("*.safetensors")):
        if path.stem == "base":
            continue
        tuned = {key: value.astype(np.float32) for key, value in load_file(path).items()}
        own, probe = (features(base, what, views) for what in (f"own:{path.stem}", "probe"))
        pairs = None if views is None else ProbePairs(probe, tuned["probe"])
        rows = np.arange(len(own))
        found.append(fit_map(own, tuned["own"], rows, fit, probes=pairs).map)
    return found


def features(base: dict, what: str, views: SpaceViews | None) -> np.ndarray:
    x = base[f"x:{what}"].astype(np.float32)
    if views is None:
        return x
    return np.hstack([x, views.of_means(base[f"m{LAYER}:{what}"].astype(np.float32))])


def seconds_a_map(sketch: TargetSketch, maps: list) -> float:
    """One by one, as maps of different ranks come."""
    scorer = MapScorer(sketch, None, intercept=True)
    scorer.scores(maps[:1])
    started = time.perf_counter()
    for one in maps:
        scorer.scores([one])
    return (time.perf_counter() - started) / len(maps)


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--maps", type=int, default=50)
    arguments = parser.parse_args()
    base = load_file(arguments.out / "base.safetensors")
    width = base["x:probe"].shape[1]
    labels = base[f"labels:{TARGET.removeprefix('task:')}"]
    wide = SpaceViews(layer=LAYER, count=width)
    kinds = {
        "old default": (None, FitRecipe()),
        "wide, rank chosen": (wide, FitRecipe()),
        "wide, rank 64": (wide, FitRecipe(rank=64)),
        "wide, 128 views": (SpaceViews(layer=LAYER, count=128), FitRecipe()),
    }
    made = {name: maps_of(arguments.out, *how) for name, how in kinds.items()}
    sketches = {}
    print(f"{len(labels)} rows, {len(made['old default'])} sources")
    print(f"{'map':20s} {'rank':>9s} {'ESM KB':>8s} {'sketch KB':>10s} {'with folds':>11s}")
    for name, (views, _) in kinds.items():
        z = features(base, TARGET, views)
        told = {"kind": "classification", "views": views.of_sketch(width) if views else None}
        sketches[name] = whole = TargetSketch.from_embeddings(z, labels, **told)
        folds = fold_sketches(z, labels, **told)
        sizes = [len(one.to_bytes()) / 1e3 for one in (whole, *folds)]
        ranks = [one.rank for one in made[name]]
        kilobytes = np.mean([len(dump_map(one)) for one in made[name]]) / 1e3
        print(
            f"{name:20s} {min(ranks):4d}-{max(ranks):<4d} {kilobytes:8.0f} {sizes[0]:10.0f} "
            f"{sum(sizes):11.0f}"
        )
    times = {name: [] for name in kinds}
    for _ in range(ROUNDS):
        for name, maps in made.items():
            repeated = (maps * (arguments.maps // len(maps) + 1))[: arguments.maps]
            times[name].append(seconds_a_map(sketches[name], repeated))
    for name, seconds in times.items():
        print(f"{name:20s} {1e3 * median(seconds):.2f} ms a map")
    wide_request()


def wide_request() -> None:
    """A ranking of D = 768 with 384 views, 100 classes and ten folds, by a real server."""
    views, dimension, rows = SpaceViews(layer=8, count=384), 768, 3000
    rng = np.random.default_rng(0)
    z = rng.standard_normal((rows, dimension + views.count))
    y = np.arange(rows) % 100
    told = {"kind": "classification", "views": views.of_sketch(dimension)}
    sketch, folds = TargetSketch.from_embeddings(z, y, **told), fold_sketches(z, y, **told)
    size = sum(len(one.to_bytes()) for one in (sketch, *folds))
    with tempfile.TemporaryDirectory() as folder:
        server = RunningRegistry(Path(folder) / "registry")
        try:
            esm = make_esm(Path(folder), "wide", dimension=dimension, views=views)
            publish(server, esm, "t/wide", space="wide", force=True).raise_for_status()
            with Client(server.url, server.write_token, cache_dir=Path(folder) / "cache") as client:
                started = time.perf_counter()
                ranking = client.rank(sketch, space="wide", folds=folds)
        finally:
            server.kill()
    print(
        f"D = 768, 384 views, 100 classes, {len(folds)} folds: {size / 1e6:.1f} MB sent, "
        f"{len(ranking)} ESM ranked in {time.perf_counter() - started:.1f} s"
    )


if __name__ == "__main__":
    main()
